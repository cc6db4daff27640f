import { Text, Tooltip } from '@mantine/core';
import { RolloutDeviceStateName, type Rollout, type RolloutDevice, type RolloutDeviceState } from '@verge/contracts';
import type { CSSProperties, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { TextLink } from '../../components/TextLink.js';
import { rolloutDeviceTones } from '../../components/states.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import classes from './rollouts.module.css';
import { deviceTotal } from './WaveBar.js';

const toneOf = (state: RolloutDeviceState): CSSProperties =>
  ({ '--tone': `var(--verge-${rolloutDeviceTones[state]})` }) as CSSProperties;

interface Props {
  rollout: Rollout;
  /** Those read so far, of those that the page is narrowed to. */
  devices: readonly RolloutDevice[];
}

/** A square a device, coloured and shaped by its state, in the order of the waves. The legend counts all of them. */
export function DeviceGrid({ rollout, devices }: Props): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  const counted = RolloutDeviceStateName.options
    .map((state) => [state, rollout.counts[state] ?? 0] as const)
    .filter(([, count]) => count > 0);
  const total = deviceTotal(rollout);
  return (
    <>
      <ul className={classes.grid} aria-label={t('rollouts.devices')}>
        {devices.map((device) => {
          const label = `${device.name}: ${t(`state.rolloutDevice.${device.state}`)}`;
          return (
            <li key={device.deviceId}>
              <Tooltip label={device.error ? `${label}, ${device.error.code}` : label}>
                <Link
                  to={to(`/devices/${device.deviceId}`)}
                  className={classes.cell}
                  data-state={device.state}
                  style={toneOf(device.state)}
                  aria-label={label}
                />
              </Tooltip>
            </li>
          );
        })}
      </ul>
      {devices.length < total && (
        <Text size="xs" c="dimmed" mt="xs">
          {t('common.shownOf', { shown: format.int(devices.length), total: format.int(total) })}
        </Text>
      )}
      <ul className={classes.legend}>
        {counted.map(([state, count]) => (
          <li key={state}>
            <span className={classes.cell} data-state={state} style={toneOf(state)} aria-hidden />
            <TextLink to={to(`/rollouts/${rollout.id}?state=${state}`)} count={count}>
              {t(`state.rolloutDevice.${state}`)} {format.int(count)}
            </TextLink>
          </li>
        ))}
      </ul>
    </>
  );
}
