export const languages = ['en', 'zh'] as const;
export type Language = (typeof languages)[number];
/** The BCP 47 tag that Intl formats by. */
export const locales: Record<Language, string> = { en: 'en-GB', zh: 'zh-CN' };
