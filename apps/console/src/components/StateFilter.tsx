/** A filter by one state, or by the several that a link asks for. */
import { Select } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** The states that an address names, separated by commas, as the API takes them; undefined when one of them is none. */
export function statesOf(text: string, known: readonly string[]): string | undefined {
  return text !== '' && text.split(',').every((state) => known.includes(state)) ? text : undefined;
}

interface Props<S extends string> {
  states: readonly S[];
  label: (state: S) => string;
  value: string;
  onChange: (value: string | null) => void;
}

export function StateFilter<S extends string>({ states, label, value, onChange }: Props<S>): ReactNode {
  const { t } = useTranslation();
  const asked = statesOf(value, states);
  const several = asked?.includes(',') ? (asked.split(',') as S[]) : null;
  const data = states.map((state) => ({ value: state as string, label: label(state) }));
  return (
    <Select
      size="xs"
      w={several ? 240 : 150}
      aria-label={t('common.state')}
      placeholder={t('common.state')}
      clearable
      clearButtonProps={{ 'aria-label': t('common.clear') }}
      data={several ? [{ value, label: several.map(label).join(', ') }, ...data] : data}
      value={asked ?? null}
      onChange={onChange}
    />
  );
}
