/** The login page, and where it leads back to. */
export const loginPath = (next: string): string => `/login?next=${encodeURIComponent(next)}`;
