import { CloseButton, Group, Kbd, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  label: string;
  value: string;
  onChange: (text: string) => void;
}

/** The page's search; the key / leads here (see shell/shortcuts). */
export function SearchBox({ label, value, onChange }: Props): ReactNode {
  const { t } = useTranslation();
  const [text, setText] = useState(value);
  const tell = useDebouncedCallback(onChange, 250);
  const change = (next: string): void => {
    setText(next);
    tell(next);
  };
  return (
    <TextInput
      type="search"
      size="xs"
      w={{ base: '100%', xs: 240 }}
      data-search
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
      leftSection={<IconSearch size={14} aria-hidden />}
      rightSection={
        text ? (
          <CloseButton size="xs" aria-label={t('common.clear')} onClick={() => change('')} />
        ) : (
          <Kbd size="xs">/</Kbd>
        )
      }
    />
  );
}

interface LineProps {
  label: string;
  get: (name: string) => string;
  set: (name: string, value: string | null) => void;
}

/** The search of a list that has no other filter; its text is `q` in the address. */
export function SearchLine({ label, get, set }: LineProps): ReactNode {
  return (
    <Group gap="xs" mb="sm">
      <SearchBox label={label} value={get('q')} onChange={(text) => set('q', text)} />
    </Group>
  );
}
