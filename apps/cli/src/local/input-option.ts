/** `--input` may be repeated; nothing of an engine is loaded to read the command line. */
export const gathered = (text: string, previous: readonly string[] = []): string[] => [...previous, text];
