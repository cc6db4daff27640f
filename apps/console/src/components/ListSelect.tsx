/** A choice out of a list of any length: the server searches it as one types, and what is not shown is said. */
import { Select, type SelectProps } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead, type ItemOf } from '../api/query.js';
import type { CallArguments } from '../api/client.js';
import { useFormat } from '../i18n/format.js';
import { useProject } from '../session/project.js';

interface Choice {
  value: string;
  label: string;
}

const named = ({ name }: { name: string }): Choice => ({ value: name, label: name });
/** What is chosen of each list, and how it is called. */
const choiceOf = {
  'groups.list': named,
  'models.list': named,
  'datasets.list': named,
  'recipes.list': named,
  'releases.list': named,
  'devices.list': ({ id, name }: ItemOf<'devices.list'>): Choice => ({ value: id, label: name }),
  'versions.list': ({ model, version }: ItemOf<'versions.list'>): Choice => named({ name: `${model}@${version}` }),
};
type Choosable = keyof typeof choiceOf;

interface Props extends Omit<SelectProps, 'data' | 'searchValue' | 'onSearchChange' | 'onChange' | 'filter'> {
  list: Choosable;
  value: string | null;
  onChange: (value: string | null) => void;
}

const SHOWN = 50;

export function ListSelect({ list, value, onChange, ...rest }: Props): ReactNode {
  const { t } = useTranslation();
  const { int } = useFormat();
  const { slug } = useProject();
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<Choice | null>(null);
  // What is chosen stands in the field: it is not a search.
  const typed = text === (chosen?.label ?? value) ? '' : text;
  // A version is searched by its model's name.
  const [q] = useDebouncedValue(list === 'versions.list' ? typed.replace(/@.*$/, '') : typed, 250);
  const args = { params: { project: slug }, query: { limit: SHOWN, q: q.trim() || undefined } };
  const found = useRead(list, args as CallArguments<Choosable>, { keep: true });
  const toChoice = choiceOf[list] as (item: ItemOf<Choosable>) => Choice;
  const choices = found.data?.items.map(toChoice) ?? [];
  const current = value === null || choices.some((each) => each.value === value) ? [] : [labelled(value, chosen)];
  const more = (found.data?.total ?? 0) - choices.length;
  const hint =
    more > 0 ? [{ value: '', label: t('common.moreToSearch', { count: more, n: int(more) }), disabled: true }] : [];
  return (
    <Select
      clearButtonProps={{ 'aria-label': t('common.clear') }}
      nothingFoundMessage={found.isFetching ? t('common.loading') : t('common.nothingFits')}
      {...rest}
      searchable
      data={[...current, ...choices, ...hint]}
      filter={({ options }) => options}
      value={value}
      searchValue={text}
      onSearchChange={setText}
      onChange={(next, option) => {
        setChosen(next === null ? null : { value: next, label: option?.label ?? next });
        onChange(next);
      }}
    />
  );
}

const labelled = (value: string, chosen: Choice | null): Choice =>
  chosen?.value === value ? chosen : { value, label: value };
