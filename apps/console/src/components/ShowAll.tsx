import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Text } from '@mantine/core';
import { useFormat } from '../i18n/format.js';
import { TextLink } from './TextLink.js';

interface Props {
  /** How many of them the panel shows at most. */
  shown: number;
  total: number | undefined;
  to: string;
}

/** The way from a panel that shows the first few to the list of all; nothing while they all fit. */
export function ShowAll({ shown, total, to }: Props): ReactNode {
  const { t } = useTranslation();
  const { int } = useFormat();
  if (total === undefined || total <= shown) return null;
  return (
    <Text size="xs" component="span">
      <TextLink to={to} count={total}>
        {t('common.all', { total: int(total) })}
      </TextLink>
    </Text>
  );
}
