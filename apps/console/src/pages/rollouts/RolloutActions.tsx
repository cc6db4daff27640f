import { Button } from '@mantine/core';
import { rolloutLifecycle, type Rollout } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange } from '../../api/query.js';
import { Confirm } from '../../components/Confirm.js';
import { useProject } from '../../session/project.js';

type Verb = 'pause' | 'resume' | 'cancel' | 'revert';
const verbs: readonly Verb[] = ['pause', 'resume', 'cancel', 'revert'];
/** The event of the lifecycle that each verb is. */
const events = { pause: 'pause', resume: 'resume', cancel: 'cancel', revert: 'stop' } as const;
const dangerous: Record<Verb, boolean> = { pause: false, resume: false, cancel: true, revert: true };

/** The verbs that the rollout's lifecycle allows in its state; each is asked about first. */
export function RolloutActions({ rollout }: { rollout: Rollout }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const [asked, setAsked] = useState<Verb | null>(null);
  const changes = {
    pause: useChange('rollouts.pause', ['devices']),
    resume: useChange('rollouts.resume', ['devices']),
    cancel: useChange('rollouts.cancel', ['devices']),
    revert: useChange('rollouts.revert', ['devices']),
  };
  const row: Partial<Record<string, string>> = rolloutLifecycle.table[rollout.state];
  const change = asked && changes[asked];
  const close = (): void => {
    change?.reset();
    setAsked(null);
  };
  return (
    <>
      {verbs
        .filter((verb) => row[events[verb]] !== undefined)
        .map((verb) => (
          <Button
            key={verb}
            variant={dangerous[verb] ? 'outline' : 'default'}
            color={dangerous[verb] ? 'var(--verge-bad)' : undefined}
            onClick={() => setAsked(verb)}
          >
            {t(`rollouts.verb.${verb}`)}
          </Button>
        ))}
      <Confirm
        opened={asked !== null}
        title={asked ? t(`rollouts.verb.${asked}`) : ''}
        verb={asked ? t(`rollouts.verb.${asked}`) : ''}
        danger={asked !== null && dangerous[asked]}
        busy={change?.isPending ?? false}
        error={change?.error ?? null}
        onClose={close}
        onConfirm={() =>
          change?.mutate({ params: { project: slug, rollout: rollout.id } }, { onSuccess: () => setAsked(null) })
        }
      >
        {asked && t(`rollouts.explain.${asked}`)}
      </Confirm>
    </>
  );
}
