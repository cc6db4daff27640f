import { List, Stack, Text } from '@mantine/core';
import type { HolderKind, Holders } from '@verge/contracts';
import { useContext, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../i18n/format.js';
import { ProjectContext } from '../session/project.js';
import { TextLink } from './TextLink.js';

type Item = Holders['items'][number];

/** Where each kind is shown; null: nowhere by itself. */
const places: Record<HolderKind, (item: Item) => string | null> = {
  dataset: ({ id }) => `/datasets/${id}`,
  training: ({ id }) => `/trainings/${id}`,
  model: ({ id }) => `/models/${id}`,
  version: ({ id }) => `/versions/${id}`,
  recipe: ({ id }) => `/recipes/${id}`,
  compression: ({ id }) => `/compressions/${id}`,
  evaluation: ({ id }) => `/jobs?q=${id}`,
  // digits@1/edge is built of digits@1, whose page shows it.
  artifact: ({ name }) => `/versions/${name.split('/')[0]}`,
  release: ({ id }) => `/releases/${id}`,
  target: () => '/releases',
  rollout: ({ id }) => `/rollouts/${id}`,
  group: ({ name }) => `/groups?q=${name}`,
  device: ({ id }) => `/devices/${id}`,
  'enrollment-token': () => '/devices',
};

/** What is in the way of a deletion, with the way to each. */
export function HolderList({ holders }: { holders: readonly Holders[] }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const project = useContext(ProjectContext);
  return (
    <Stack
      gap="xs"
      style={{ maxHeight: 320, overflowY: 'auto' }}
      tabIndex={0}
      role="group"
      aria-label={t('deleting.held')}
    >
      <Text size="sm" fw={500}>
        {t('deleting.held')}
      </Text>
      {holders.map(({ kind, why, total, items, more }) => (
        <div key={`${kind} ${why}`}>
          <Text size="sm">{t(`deleting.kind.${kind}`, { count: total, n: format.int(total) })}</Text>
          <List size="sm" spacing={2}>
            {items.map((item) => {
              const place = places[kind](item);
              return (
                <List.Item key={item.id} style={{ overflowWrap: 'anywhere' }}>
                  {project && place ? <TextLink to={project.to(place)}>{item.name}</TextLink> : item.name}
                </List.Item>
              );
            })}
            {more > 0 && <List.Item>{t('deleting.more', { count: more, n: format.int(more) })}</List.Item>}
          </List>
        </div>
      ))}
    </Stack>
  );
}
