import { LineChart } from '@mantine/charts';
import type { ReactNode } from 'react';
import { ChartFigure } from './ChartFigure.js';
import { timeMarks } from './time-axis.js';

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
  /** `x` is a moment: the axis is marked at round times. */
  overTime?: boolean;
}

/** Lines over epochs or over time. */
export function Curves(props: Props): ReactNode {
  const { title, summary, now, rows, curves, xLabel, yLabel, height = 220, from, to, atLeast, legend = true } = props;
  const marks = props.overTime ? timeMarks(moments(rows), new Date().getTimezoneOffset()) : null;
  // A value between two gaps has no line to be seen by.
  const dots = rows.length < 3 || curves.some(({ name }) => standsAlone(rows, name));
  const axis = to === undefined ? open(from, atLeast) : bounded(rows, curves, to);
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
        tickLine={marks ? 'x' : 'none'}
        valueFormatter={yLabel}
        xAxisProps={{
          tickFormatter: xLabel,
          minTickGap: marks ? 12 : 36,
          interval: marks ? 'preserveStart' : 'preserveStartEnd',
          ...(marks ? { ticks: marks } : {}),
        }}
        yAxisProps={{ ...axis, width: 68 }}
        tooltipProps={{ labelFormatter: (x) => (typeof x === 'number' ? xLabel(x) : x) }}
        lineProps={{ isAnimationActive: false }}
        lineChartProps={{ margin: { top: 8, right: 8 } }}
      />
    </ChartFigure>
  );
}

const moments = (rows: Props['rows']): number[] => rows.flatMap((row) => row['x'] ?? []);

const standsAlone = (rows: Props['rows'], name: string): boolean =>
  rows.some((row, i) => isKnown(row[name]) && !isKnown(rows[i - 1]?.[name]) && !isKnown(rows[i + 1]?.[name]));
const isKnown = (value: number | null | undefined): boolean => value !== null && value !== undefined;

/** An axis whose upper end the data decide. */
const open = (from?: number, atLeast?: number) => ({
  domain: [from ?? 'auto', atLeast === undefined ? 'auto' : (max: number) => Math.max(max, atLeast)] as const,
  tickCount: 5,
});

/** An axis that ends at a bound, such as 100 %, and begins at a tenth below the smallest value. */
function bounded(rows: Props['rows'], curves: Props['curves'], to: number) {
  const values = rows.flatMap((row) => curves.map((curve) => row[curve.name] ?? to));
  const from = Math.floor(Math.min(to, ...values) * 10) / 10;
  const low = from === to ? to - 0.1 : from;
  return { domain: [low, to] as const, ticks: [0, 0.25, 0.5, 0.75, 1].map((part) => low + part * (to - low)) };
}
