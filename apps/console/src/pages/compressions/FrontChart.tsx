import { ScatterChart } from '@mantine/charts';
import { Paper, Text } from '@mantine/core';
import type { SearchBudget, SearchVariant } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ChartFigure } from '../../charts/ChartFigure.js';
import { useFormat } from '../../i18n/format.js';

type Verdict = SearchVariant['verdict'];

/** One variant with the figures that place it. */
export interface Placed {
  readonly id: string;
  readonly verdict: Verdict;
  readonly points: number;
  readonly bytes: number;
}

interface Props {
  variants: readonly Placed[];
  budget: SearchBudget;
  /** Bytes of the source model. */
  source?: number | undefined;
}

/** Verdicts in the order they are drawn: the best comes last, and lies on top. */
const drawn = ['over-budget', 'dominated', 'front', 'best'] as const satisfies readonly Verdict[];
const colours: Readonly<Record<(typeof drawn)[number], string>> = {
  'over-budget': 'var(--verge-warn)',
  dominated: 'var(--verge-idle)',
  front: 'var(--verge-busy)',
  best: 'var(--verge-good)',
};

/** Where the axis of losses ends: what loses far more lies on its upper edge, and would flatten all that counts. */
const topOf = (variants: readonly Placed[], { maxDropPoints }: SearchBudget): number =>
  Math.max(
    2 * maxDropPoints,
    1,
    ...variants.filter(({ verdict }) => verdict !== 'over-budget').map(({ points }) => points),
  );

/** What a search tried: size to the right, loss upwards; nearer to the lower left is better. */
export function FrontChart({ variants, budget, source }: Props): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const top = topOf(variants, budget);
  const { maxDropPoints, maxBytes } = budget;
  const right = Math.max(source ?? 0, ...variants.map(({ bytes }) => bytes), 1);
  const series = drawn.flatMap((verdict) => {
    const own = variants.filter((v) => v.verdict === verdict);
    const data = own.map((v) => ({ ...v, size: v.bytes, loss: Math.min(Math.max(v.points, 0), top) }));
    return own.length > 0 ? [{ name: t(`compressions.verdicts.${verdict}`), color: colours[verdict], data }] : [];
  });
  const bounds = [
    { y: maxDropPoints, color: 'var(--verge-bad)', label: t('compressions.allowedLoss') },
    ...(maxBytes !== undefined && maxBytes <= right
      ? [{ x: maxBytes, color: 'var(--verge-bad)', label: t('compressions.allowedSize') }]
      : []),
  ];
  const best = variants.find(({ verdict }) => verdict === 'best');
  const onFront = variants.filter(({ verdict }) => verdict === 'front' || verdict === 'best').length;
  return (
    <ChartFigure
      title={t('compressions.frontTitle')}
      summary={t('compressions.frontSummary', { tried: variants.length, front: onFront, best: best?.id ?? '–' })}
      empty={variants.length === 0}
      legend={series.map(({ name, color }) => ({ label: name, color }))}
    >
      <ScatterChart
        h={280}
        data={series as never}
        dataKey={{ x: 'size', y: 'loss' }}
        referenceLines={bounds.map((line) => ({
          ...line,
          labelPosition: line.x !== undefined ? besideLine(line.x / right) : ('insideTopRight' as const),
        }))}
        gridColor="var(--verge-line)"
        textColor="var(--verge-quiet)"
        strokeDasharray="none"
        xAxisProps={{ domain: [0, right], tickFormatter: (n: number) => format.bytes(n), tickCount: 5 }}
        yAxisProps={{ domain: [0, top], tickFormatter: (n: number) => format.decimal(n, 2), tickCount: 5, width: 44 }}
        scatterProps={{ isAnimationActive: false }}
        scatterChartProps={{ margin: { top: 12, right: 16 } }}
        tooltipProps={{
          content: ({ payload }) => {
            const at = (payload?.[0]?.payload ?? null) as Placed | null;
            return at && <Tip variant={at} />;
          },
        }}
      />
      <Text size="xs" c="dimmed" mt={4}>
        {t('compressions.frontAxes')}
      </Text>
    </ChartFigure>
  );
}

/** On the side of an upright line that has room. @param share of the chart's width that is before it */
const besideLine = (share: number): 'insideBottomLeft' | 'insideBottomRight' =>
  share < 0.2 ? 'insideBottomLeft' : 'insideBottomRight';

function Tip({ variant }: { variant: Placed }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <Paper withBorder shadow="sm" px="sm" py={6} maw={280}>
      <Text size="xs" fw={600}>
        {variant.id}
      </Text>
      <Text size="xs" c="dimmed">
        {format.bytes(variant.bytes)} · {t('compressions.lossPoints', { points: format.decimal(variant.points, 2) })}
      </Text>
    </Paper>
  );
}
