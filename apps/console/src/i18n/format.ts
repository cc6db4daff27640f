/** Numbers, sizes and times in the chosen language, by Intl. What is unknown shows as a dash. */
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { locales, type Language } from './languages.js';

type Maybe = number | null | undefined;
export const DASH = '–';
const NO_BREAK = '\u00a0';

export interface Format {
  locale: string;
  /** 12,345 */
  int: (n: Maybe) => string;
  /** 12.3K */
  compact: (n: Maybe) => string;
  decimal: (n: Maybe, digits?: number) => string;
  /** A fraction as a percentage. */
  percent: (fraction: Maybe, digits?: number) => string;
  /** A signed difference of two fractions in percentage points. */
  points: (difference: Maybe) => string;
  /** A signed relative change. */
  change: (fraction: Maybe) => string;
  bytes: (n: Maybe) => string;
  /** A number of milliseconds. */
  ms: (n: Maybe) => string;
  /** A number of seconds, as the two largest units. */
  duration: (seconds: Maybe) => string;
  dateTime: (instant: string | null | undefined) => string;
  /** Hours and minutes, with the date when the span is longer than a day. */
  /** Hours, minutes and seconds of a time in milliseconds since 1970. */
  clock: (at: number) => string;
  tick: (at: number, spanMs: number) => string;
  relative: (instant: string | null | undefined, now: number) => string;
}

const byteUnits = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
const relativeSteps: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];
const durationSteps = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

export function formatFor(language: Language): Format {
  const locale = locales[language];
  const number = (options: Intl.NumberFormatOptions) => {
    const format = new Intl.NumberFormat(locale, options);
    return (n: Maybe) => (n === null || n === undefined || !Number.isFinite(n) ? DASH : format.format(n));
  };
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
  const clock = new Intl.DateTimeFormat(locale, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  const timeOnly = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  const withDate = new Intl.DateTimeFormat(locale, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  });
  const relative = new Intl.RelativeTimeFormat(locale, {
    numeric: 'auto',
    style: language === 'en' ? 'short' : 'long',
  });
  const unit = (name: string, options: Intl.NumberFormatOptions = {}) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short', ...options });
  const durations = new Map(durationSteps.map(([name]) => [name, unit(name, { unitDisplay: 'narrow' })] as const));
  const msUnit = (n: number) =>
    unit('millisecond', n === 0 || n >= 100 ? { maximumFractionDigits: 0 } : significant(n >= 1 ? 3 : 2));
  const percent = (fraction: Maybe, digits = 1) =>
    number({ style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits })(fraction);
  return {
    locale,
    int: number({ maximumFractionDigits: 0 }),
    compact: number({ notation: 'compact', maximumFractionDigits: 1 }),
    decimal: (n, digits = 3) => number({ maximumFractionDigits: digits })(n),
    percent,
    points: (difference) => {
      const text = number({ signDisplay: 'exceptZero', maximumFractionDigits: 2 })(scaled(difference, 100));
      return text === DASH ? text : `${text} ${language === 'en' ? 'pp' : '个百分点'}`;
    },
    change: number({ style: 'percent', signDisplay: 'exceptZero', maximumFractionDigits: 0 }),
    bytes: (n) => {
      if (n === null || n === undefined) return DASH;
      const step = Math.min(byteUnits.length - 1, n < 1 ? 0 : Math.floor(Math.log10(n) / 3));
      return unit(byteUnits[step] ?? 'byte', { maximumFractionDigits: step === 0 ? 0 : 1 }).format(n / 1000 ** step);
    },
    ms: (n) => (n === null || n === undefined ? DASH : msUnit(n).format(n).replace(' ', NO_BREAK)),
    duration: (seconds) => {
      if (seconds === null || seconds === undefined) return DASH;
      let left = Math.max(0, Math.round(seconds));
      const parts: string[] = [];
      for (const [name, size] of durationSteps) {
        const amount = Math.floor(left / size);
        left -= amount * size;
        if (amount > 0 || (name === 'second' && parts.length === 0))
          parts.push(durations.get(name)?.format(amount) ?? '');
      }
      return parts.slice(0, 2).join(language === 'en' ? ' ' : '');
    },
    dateTime: (instant) => (instant ? dateTime.format(new Date(instant)) : DASH),
    clock: (at) => clock.format(new Date(at)),
    tick: (at, spanMs) => (spanMs > 86_400_000 ? withDate : timeOnly).format(new Date(at)),
    relative: (instant, now) => {
      if (!instant) return DASH;
      const seconds = (Date.parse(instant) - now) / 1000;
      for (const [name, size] of relativeSteps) {
        if (Math.abs(seconds) >= size || name === 'second') return relative.format(Math.round(seconds / size), name);
      }
      return DASH;
    },
  };
}

const significant = (digits: number): Intl.NumberFormatOptions => ({
  minimumSignificantDigits: digits,
  maximumSignificantDigits: digits,
});

const scaled = (n: Maybe, factor: number): Maybe => (n === null || n === undefined ? n : n * factor);

export function useFormat(): Format {
  const { i18n } = useTranslation();
  return useMemo(() => formatFor(i18n.language === 'zh' ? 'zh' : 'en'), [i18n.language]);
}
