/** Text to look for with LIKE, in which `%` and `_` mean themselves. Prisma's contains and startsWith are LIKE and escape nothing. */
export const literally = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&');
