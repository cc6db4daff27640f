import { Text } from '@mantine/core';
import type { Overview } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Bars } from '../../charts/Bars.js';
import { TextLink } from '../../components/TextLink.js';
import { useProject } from '../../session/project.js';
import classes from './overview.module.css';

/** How many devices serve which version, a block a model, the newest version first. */
export function VersionsInField({ versions }: { versions: Overview['versionsInField'] }): ReactNode {
  const { t } = useTranslation();
  const { to } = useProject();
  const models = [...new Set(versions.map((each) => each.model))].sort();
  if (models.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t('overview.noVersions')}
      </Text>
    );
  }
  return models.map((model) => (
    <div key={model} className={classes.model}>
      <Text size="sm" mb={6}>
        <TextLink to={to(`/models/${model}`)} strong>
          {model}
        </TextLink>
      </Text>
      <Bars
        label={t('overview.versionsOf', { model })}
        items={versions
          .filter((each) => each.model === model)
          .sort((a, b) => b.version - a.version || a.deviceClass.localeCompare(b.deviceClass))
          .map((each) => ({
            id: `${each.version} ${each.deviceClass}`,
            label: `v${each.version} · ${each.deviceClass}`,
            value: each.devices,
            to: to(`/devices?version=${each.model}@${each.version}&class=${each.deviceClass}`),
          }))}
      />
    </div>
  ));
}
