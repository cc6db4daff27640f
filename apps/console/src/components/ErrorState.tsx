import { ApiError } from '@verge/contracts';
import { Button, Code, Group, List, Stack, Text, Title } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { PageNotLoaded } from './page-not-loaded.js';
import { HolderList } from './HolderList.js';
import classes from './states.module.css';

interface Props {
  error: Error;
  onRetry?: () => void;
  /** It is being tried again. */
  busy?: boolean;
}

/** What went wrong, in the server's own words: the problem's code, its detail and every bad field. */
export function ErrorState({ error, onRetry, busy }: Props): ReactNode {
  const { t } = useTranslation();
  return (
    <Stack className={classes.state} align="center" gap="xs" role="alert">
      <IconAlertTriangle size={28} stroke={1.5} color="var(--verge-bad)" aria-hidden />
      <Title order={2}>{t(`problem.${kindOf(error)}`)}</Title>
      <ErrorDetail error={error} />
      {onRetry && (
        <Button variant="default" mt="xs" onClick={onRetry} loading={busy}>
          {t('common.retry')}
        </Button>
      )}
    </Stack>
  );
}

function kindOf(error: Error) {
  if (error instanceof ApiError) return error.code;
  return error instanceof PageNotLoaded ? 'PAGE_NOT_LOADED' : 'UNKNOWN';
}

export function ErrorDetail({ error }: { error: Error }): ReactNode {
  const { errors, holders } = error instanceof ApiError ? error : { errors: [], holders: [] };
  return (
    <>
      {/* What is in the way is told in full below. */}
      {holders.length === 0 && (
        <Text size="sm" c="dimmed" ta="center" maw={620} style={{ overflowWrap: 'anywhere' }}>
          {error.message.slice(0, 600)}
        </Text>
      )}
      {errors.length > 0 && (
        <List size="sm" spacing={4}>
          {errors.map((e) => (
            <List.Item key={`${e.field} ${e.detail}`}>
              <Code>{e.field}</Code> {e.detail}
            </List.Item>
          ))}
        </List>
      )}
      {holders.length > 0 && <HolderList holders={holders} />}
      {error instanceof ApiError && error.status > 0 && (
        <Group gap={6}>
          <Code>HTTP {error.status}</Code>
          <Code>{error.code}</Code>
        </Group>
      )}
    </>
  );
}
