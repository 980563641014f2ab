/** Whose work it is: groups are served in turn, and within each its members. */
export interface Share {
  /** As `111122223333`: what an account cannot get more of by asking with more keys. */
  readonly group: string;
  readonly member: string;
}
