import { BarChart } from '@mantine/charts';
import type { TelemetryPoint } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { seriesColors } from '../app/theme.js';
import { useFormat } from '../i18n/format.js';
import { ChartFigure } from './ChartFigure.js';
import { timeMarks } from './time-axis.js';

const ERROR = '#c0392b';

interface Props {
  points: readonly TelemetryPoint[];
  height?: number;
}

export const spanOf = (points: readonly TelemetryPoint[]): number => {
  const first = points[0];
  const last = points.at(-1);
  return first && last ? Date.parse(last.at) - Date.parse(first.at) : 0;
};

/** Requests a step, the failed ones on top in their own colour. */
export function RequestsOverTime({ points, height = 180 }: Props): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const span = spanOf(points);
  const total = points.reduce((sum, point) => sum + point.requests, 0);
  const errors = points.reduce((sum, point) => sum + point.errors, 0);
  const rows = points.map((point) => ({
    x: Date.parse(point.at),
    served: point.requests - point.errors,
    errors: point.errors,
  }));
  return (
    <ChartFigure
      title={t('telemetry.requests')}
      now={format.int(total)}
      summary={t('telemetry.requestsSummary', { total: format.int(total), errors: format.int(errors) })}
      empty={total === 0}
      legend={[
        { label: t('telemetry.served'), color: seriesColors[0] },
        { label: t('telemetry.errors'), color: ERROR },
      ]}
    >
      <BarChart
        h={height}
        data={rows}
        dataKey="x"
        type="stacked"
        series={[
          { name: 'served', label: t('telemetry.served'), color: seriesColors[0] },
          { name: 'errors', label: t('telemetry.errors'), color: ERROR },
        ]}
        gridColor="var(--verge-line)"
        textColor="var(--verge-quiet)"
        strokeDasharray="none"
        tickLine="x"
        valueFormatter={format.compact}
        xAxisProps={{
          tickFormatter: (x: number) => format.tick(x, span),
          minTickGap: 12,
          interval: 'preserveStart',
          ticks: timeMarks(
            rows.map((row) => row.x),
            new Date().getTimezoneOffset(),
          ),
        }}
        yAxisProps={{ width: 46, tickCount: 4, allowDecimals: false }}
        tooltipProps={{ labelFormatter: (x) => (typeof x === 'number' ? format.tick(x, span) : x) }}
        barProps={{ isAnimationActive: false, radius: 1 }}
        barChartProps={{ barCategoryGap: '8%', margin: { top: 8, right: 8 } }}
      />
    </ChartFigure>
  );
}
