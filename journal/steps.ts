/**
 * Called between two actions that a crash may come between, with a name for the place. Tests hand one in that
 * kills the process; the product's does nothing.
 */
export type Steps = (name: string) => void | Promise<void>;

export function noSteps(): void {
  // The product does not stop between steps.
}
