import { Group, SegmentedControl, TextInput } from '@mantine/core';
import { Digest, type QueryInput, type Routes } from '@verge/contracts';
import { useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ListSelect } from '../../components/ListSelect.js';
import { useNow } from '../../components/Time.js';
import { useAddressState } from '../../components/useAddressState.js';

type Query = QueryInput<Routes['telemetry.totals']>;
const ranges = { '15m': 900, '1h': 3_600, '6h': 21_600, '24h': 86_400, '7d': 604_800 } as const;
type RangeName = keyof typeof ranges;
const rangeNames = Object.keys(ranges) as RangeName[];
const isRange = (text: string): text is RangeName => text in ranges;
/** A moving window's ends move in steps of this, so that the same question is not asked anew each second. */
const STEP_MS = 15_000;

export interface TelemetryWindow {
  query: Query;
  /** Whether its end is now. */
  moving: boolean;
}

/** The window and the filters that the address names. */
export function useTelemetryWindow(): TelemetryWindow {
  const [get] = useAddressState();
  const now = Math.ceil(useNow() / STEP_MS) * STEP_MS;
  const [name, from, to, device, group, model, artifact] = [
    'range',
    'from',
    'to',
    'device',
    'group',
    'model',
    'artifact',
  ].map(get) as [string, string, string, string, string, string, string];
  return useMemo(() => {
    const fixed = instant(from);
    const seconds = ranges[isRange(name) ? name : '1h'];
    const end = (fixed && instant(to)) || null;
    return {
      moving: end === null,
      query: {
        from: fixed ?? new Date(now - seconds * 1000).toISOString(),
        to: end ?? new Date(now).toISOString(),
        device: device || undefined,
        group: group || undefined,
        model: model || undefined,
        artifact: Digest.safeParse(artifact).success ? artifact : undefined,
      },
    };
  }, [artifact, device, from, group, model, name, now, to]);
}

function instant(local: string): string | null {
  const at = Date.parse(local);
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}

export function TelemetryFilters(): ReactNode {
  const { t } = useTranslation();
  const [get, set] = useAddressState();
  const custom = get('from') !== '';
  const range = isRange(get('range')) ? get('range') : '1h';
  const choose = (value: string): void => {
    if (value === 'custom') {
      set('from', localOf(Date.now() - ranges['24h'] * 1000));
      return;
    }
    set('from', null);
    set('to', null);
    set('range', value);
  };
  const filter = (name: string, label: string, list: 'models.list' | 'groups.list' | 'devices.list'): ReactNode => (
    <ListSelect
      list={list}
      size="xs"
      w={{ base: '47%', xs: 160 }}
      aria-label={label}
      placeholder={label}
      clearable
      value={get(name) || null}
      onChange={(value) => set(name, value)}
    />
  );
  return (
    <Group gap="xs" mb="sm">
      <SegmentedControl
        size="xs"
        aria-label={t('telemetry.range')}
        data={[
          ...rangeNames.map((value) => ({ value, label: t(`telemetry.ranges.${value}`) })),
          { value: 'custom', label: t('telemetry.custom') },
        ]}
        value={custom ? 'custom' : range}
        onChange={choose}
      />
      {custom && (
        <>
          <TextInput
            size="xs"
            type="datetime-local"
            aria-label={t('common.from')}
            value={get('from')}
            onChange={(event) => set('from', event.currentTarget.value)}
          />
          <TextInput
            size="xs"
            type="datetime-local"
            aria-label={t('common.to')}
            value={get('to')}
            onChange={(event) => set('to', event.currentTarget.value)}
          />
        </>
      )}
      {filter('model', t('trainings.model'), 'models.list')}
      {filter('group', t('devices.group'), 'groups.list')}
      {filter('device', t('telemetry.device'), 'devices.list')}
    </Group>
  );
}

/** A moment as an input of type datetime-local takes it. */
function localOf(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
