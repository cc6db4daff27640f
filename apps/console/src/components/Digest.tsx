import { Group, Text, Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { DASH } from '../i18n/format.js';
import { CopyIcon } from './CopyIcon.js';

/**
 * A digest by its first digits, an identifier by its last (those of one day begin alike), in monospace; the whole on hover and
 * by the copy button.
 */
export function Digest({ value, digits = 12 }: { value: string | null | undefined; digits?: number }): ReactNode {
  const { t } = useTranslation();
  if (!value) return <>{DASH}</>;
  const short = value.startsWith('sha256:') ? value.slice('sha256:'.length).slice(0, digits) : value.slice(-digits);
  return (
    <Group gap={2} wrap="nowrap" display="inline-flex">
      <Tooltip label={value} maw={560} style={{ overflowWrap: 'anywhere' }} multiline>
        <Text span ff="monospace" fz="xs">
          {short}
        </Text>
      </Tooltip>
      <CopyIcon value={value} label={t('common.copyValue', { value: short })} />
    </Group>
  );
}
