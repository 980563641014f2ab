/** Of this release, as package.json has it (a test compares them). */
export const RELEASE = '0.1.0';
