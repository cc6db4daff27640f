/** The console's two languages. Chinese is typed by English, so that a key missing in either does not compile. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { config } from 'zod';
import zodEn from 'zod/v4/locales/en.js';
import zodZh from 'zod/v4/locales/zh-CN.js';
import { locales, type Language } from './languages.js';
import { en } from './en/index.js';
import { zh } from './zh/index.js';

const STORED = 'verge.language';

function preferred(): Language {
  const stored = window.localStorage.getItem(STORED);
  if (stored === 'en' || stored === 'zh') return stored;
  return navigator.languages.some((tag) => tag.toLowerCase().startsWith('zh')) ? 'zh' : 'en';
}

export async function startI18n(): Promise<void> {
  await i18next.use(initReactI18next).init({
    resources: { en: { translation: en }, zh: { translation: zh } },
    lng: preferred(),
    fallbackLng: 'en',
    interpolation: { escapeValue: false },
    returnNull: false,
    showSupportNotice: false,
  });
  tell(currentLanguage());
}

export function currentLanguage(): Language {
  return i18next.language === 'zh' ? 'zh' : 'en';
}

export async function chooseLanguage(language: Language): Promise<void> {
  window.localStorage.setItem(STORED, language);
  await i18next.changeLanguage(language);
  tell(language);
}

/** What schemas complain of in editors and forms. */
const complaints: Record<Language, () => Parameters<typeof config>[0]> = { en: zodEn, zh: zodZh };

function tell(language: Language): void {
  config(complaints[language]());
  document.documentElement.lang = locales[language];
}
