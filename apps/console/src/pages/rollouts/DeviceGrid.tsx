import { Tooltip } from '@mantine/core';
import { RolloutDeviceStateName, type RolloutDevice, type RolloutDeviceState } from '@verge/contracts';
import type { CSSProperties, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { rolloutDeviceTones } from '../../components/states.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import classes from './rollouts.module.css';

const toneOf = (state: RolloutDeviceState): CSSProperties =>
  ({ '--tone': `var(--verge-${rolloutDeviceTones[state]})` }) as CSSProperties;

/** A square a device, coloured and shaped by its state, in the order of the waves. */
export function DeviceGrid({ devices }: { devices: readonly RolloutDevice[] }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  const counted = RolloutDeviceStateName.options
    .map((state) => [state, devices.filter((device) => device.state === state).length] as const)
    .filter(([, count]) => count > 0);
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
      <ul className={classes.legend}>
        {counted.map(([state, count]) => (
          <li key={state}>
            <span className={classes.cell} data-state={state} style={toneOf(state)} aria-hidden />
            {t(`state.rolloutDevice.${state}`)} {format.int(count)}
          </li>
        ))}
      </ul>
    </>
  );
}
