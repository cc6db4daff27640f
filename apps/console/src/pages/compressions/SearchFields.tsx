import { NumberInput, SimpleGrid } from '@mantine/core';
import { SearchBudget } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** What a search keeps to where nothing is said. */
export const usualBudget: SearchBudget = SearchBudget.parse({});

const KILOBYTE = 1000;
const MINUTE = 60;

interface Props {
  budget: SearchBudget;
  onChange: (budget: SearchBudget) => void;
}

/** The fields of a search's budget; an empty one bounds nothing. */
export function SearchFields({ budget, onChange }: Props): ReactNode {
  const { t } = useTranslation();
  const { maxDropPoints, maxBytes, maxLatencyMs, maxSeconds } = budget;
  const bounded = (value: string | number): number | undefined => (Number(value) > 0 ? Number(value) : undefined);
  const common = { maxDropPoints, maxSeconds };
  const with_ = (bytes: number | undefined, latencyMs: number | undefined): SearchBudget => ({
    ...common,
    ...(bytes !== undefined && { maxBytes: bytes }),
    ...(latencyMs !== undefined && { maxLatencyMs: latencyMs }),
  });
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
      <NumberInput
        label={t('compressions.maxDrop')}
        description={t('compressions.maxDropHint')}
        min={0}
        max={100}
        step={0.1}
        decimalScale={3}
        value={maxDropPoints}
        onChange={(value) => onChange({ ...budget, maxDropPoints: Math.max(0, Number(value) || 0) })}
      />
      <NumberInput
        label={t('compressions.maxTime')}
        description={t('compressions.maxTimeHint')}
        min={1}
        value={maxSeconds / MINUTE}
        suffix={t('compressions.minutes')}
        onChange={(value) => onChange({ ...budget, maxSeconds: MINUTE * (bounded(value) ?? 1) })}
      />
      <NumberInput
        label={t('compressions.maxBytes')}
        description={t('compressions.maxBytesHint')}
        min={0}
        value={maxBytes === undefined ? '' : maxBytes / KILOBYTE}
        suffix=" kB"
        onChange={(value) => {
          const kilobytes = bounded(value);
          const bytes = kilobytes === undefined ? undefined : Math.max(1, Math.round(KILOBYTE * kilobytes));
          onChange(with_(bytes, maxLatencyMs));
        }}
      />
      <NumberInput
        label={t('compressions.maxLatency')}
        description={t('compressions.maxLatencyHint')}
        min={0}
        step={0.1}
        decimalScale={4}
        value={maxLatencyMs ?? ''}
        suffix=" ms"
        onChange={(value) => onChange(with_(maxBytes, bounded(value)))}
      />
    </SimpleGrid>
  );
}
