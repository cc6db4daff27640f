import { Button, type ButtonProps } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { RouteName } from '@verge/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { client } from '../api/client.js';
import { nounOf } from '../api/query.js';
import type { en } from '../i18n/en/index.js';
import { inBackground } from '../inBackground.js';
import { useProject } from '../session/project.js';
import { Confirm } from './Confirm.js';

type Kind = keyof (typeof en)['deleting']['goes'];

const operations = {
  dataset: 'datasets.delete',
  model: 'models.delete',
  version: 'versions.delete',
  recipe: 'recipes.delete',
  training: 'trainings.delete',
  compression: 'compressions.delete',
  evaluation: 'evaluations.delete',
  artifact: 'artifacts.delete',
  release: 'releases.delete',
  rollout: 'rollouts.delete',
  group: 'groups.delete',
  device: 'devices.delete',
} as const satisfies Record<Kind, RouteName>;

/** Views that show something of the thing, beside those of its own noun. */
const touched: Partial<Record<Kind, readonly string[]>> = {
  version: ['models'],
  training: ['jobs'],
  compression: ['jobs'],
  evaluation: ['jobs'],
  release: ['artifacts'],
  device: ['groups', 'rollouts', 'enrollment'],
};

interface Props {
  kind: Kind;
  id: string;
  name: string;
  /** The list to go back to, where the page is that of the thing itself. */
  back?: string;
  size?: ButtonProps['size'];
}

/** Deletes one thing, after asking. A refusal shows everything that is still in the way. */
export function DeleteButton({ kind, id, name, back, size }: Props): ReactNode {
  const { t } = useTranslation();
  const { slug, can } = useProject();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [asked, ask] = useDisclosure();
  const change = useMutation({
    mutationFn: () =>
      client.call(operations[kind] as 'datasets.delete', { params: { project: slug, [kind]: id } as never }),
    onSuccess: () => {
      ask.close();
      // Away from its page first: there it would be read again, and not be found.
      if (back !== undefined) inBackground(Promise.resolve(navigate(back)));
      for (const noun of [nounOf(operations[kind]), 'overview', 'audit', ...(touched[kind] ?? [])])
        inBackground(cache.invalidateQueries({ queryKey: [noun] }));
    },
  });
  if (!can('operator')) return null;
  return (
    <>
      <Button size={size} variant="outline" color="var(--verge-bad)" onClick={ask.open}>
        {t('deleting.verb')}
      </Button>
      <Confirm
        opened={asked}
        title={t('deleting.title', { name })}
        verb={t('deleting.verb')}
        danger
        busy={change.isPending}
        error={change.error}
        onClose={() => {
          change.reset();
          ask.close();
        }}
        onConfirm={() => change.mutate()}
      >
        {t(`deleting.goes.${kind}`)} {t('deleting.final')}
      </Confirm>
    </>
  );
}
