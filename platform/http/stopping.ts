/** On every answer of a process that was told to stop: send the next request to another. */
export const STOPPING_HEADER = 'x-cairn-stopping';
