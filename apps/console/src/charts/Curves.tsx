import { LineChart } from '@mantine/charts';
import type { ReactNode } from 'react';
import { ChartFigure } from './ChartFigure.js';

export interface Curve {
  /** Key of its values in the rows. */
  name: string;
  label: string;
  color: string;
  dashed?: boolean;
}

interface Props {
  title: string;
  summary: string;
  now?: ReactNode;
  /** One row an epoch (or a moment): `x` and a value for each curve. */
  rows: readonly Record<string, number | null>[];
  curves: readonly Curve[];
  xLabel: (x: number) => string;
  yLabel: (y: number) => string;
  height?: number;
  /** Lower end of the y axis; from the data when absent. */
  from?: number;
  /** Upper end of the y axis; from the data when absent. */
  to?: number;
  /** The upper end is at least this. */
  atLeast?: number;
  legend?: boolean;
}

/** Lines over epochs or over time. */
export function Curves(props: Props): ReactNode {
  const { title, summary, now, rows, curves, xLabel, yLabel, height = 220, from, to, atLeast, legend = true } = props;
  const dots = rows.length < 3;
  return (
    <ChartFigure
      title={title}
      summary={summary}
      now={now}
      empty={rows.length === 0}
      legend={legend ? curves : undefined}
    >
      <LineChart
        h={height}
        data={[...rows]}
        dataKey="x"
        series={curves.map(({ name, label, color, dashed }) => ({
          name,
          label,
          color,
          ...(dashed ? { strokeDasharray: '4 3' } : {}),
        }))}
        curveType="linear"
        strokeWidth={1.75}
        withDots={dots}
        connectNulls={false}
        gridColor="var(--verge-line)"
        textColor="var(--verge-quiet)"
        strokeDasharray="none"
        tickLine="none"
        valueFormatter={yLabel}
        xAxisProps={{ tickFormatter: xLabel, minTickGap: 36, interval: 'preserveStartEnd' }}
        yAxisProps={{
          domain: [from ?? 'auto', to ?? (atLeast === undefined ? 'auto' : (max: number) => Math.max(max, atLeast))],
          width: 62,
          tickCount: 5,
        }}
        tooltipProps={{ labelFormatter: (x) => (typeof x === 'number' ? xLabel(x) : x) }}
        lineProps={{ isAnimationActive: false }}
        lineChartProps={{ margin: { top: 8, right: 8 } }}
      />
    </ChartFigure>
  );
}
