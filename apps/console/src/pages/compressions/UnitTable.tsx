import { Text } from '@mantine/core';
import type { UnitReport } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { DataTable, type Column } from '../../components/DataTable.js';
import { DASH, useFormat, type Format } from '../../i18n/format.js';
import classes from './report.module.css';

const STEP = 20;

const small = (value: number, format: Format): string =>
  format.decimal(value, value === 0 ? 0 : Math.max(0, 1 - Math.floor(Math.log10(Math.abs(value)))));

/** A number with its length against the largest of its kind. */
function Measured({ value, most, text }: { value: number | null; most: number; text: string }): ReactNode {
  if (value === null) return DASH;
  return (
    <span className={classes.measured}>
      <span>{text}</span>
      <span className={classes.track} aria-hidden>
        <span className={classes.fill} style={{ width: `${most > 0 ? (100 * value) / most : 0}%` }} />
      </span>
    </span>
  );
}

/** Of each part of the network: what int8 costs in it and does to the outputs, and what was decided. */
export function UnitTable({ units }: { units: readonly UnitReport[] }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const most = (of: (unit: UnitReport) => number | null): number => Math.max(0, ...units.map((u) => of(u) ?? 0));
  const slowest = Math.max(
    most((u) => u.int8Ms),
    most((u) => u.float32Ms),
  );
  const farthest = most((u) => u.divergence);
  const columns: Column<UnitReport>[] = [
    {
      id: 'unit',
      header: t('compressions.unit'),
      cell: (u) => (
        <>
          <Text fz="sm" miw={150} style={{ overflowWrap: 'anywhere' }}>
            {u.node}
          </Text>
          <Text fz="xs" c="dimmed">
            {u.reason}
          </Text>
        </>
      ),
    },
    { id: 'precision', header: t('compressions.precision'), cell: (u) => u.precision, sort: (u) => u.precision },
    {
      id: 'int8',
      header: 'int8',
      cell: (u) => <Measured value={u.int8Ms} most={slowest} text={format.ms(u.int8Ms)} />,
      sort: (u) => u.int8Ms,
      align: 'right',
      from: 'sm',
    },
    {
      id: 'float32',
      header: 'float32',
      cell: (u) => <Measured value={u.float32Ms} most={slowest} text={format.ms(u.float32Ms)} />,
      sort: (u) => u.float32Ms,
      align: 'right',
      from: 'sm',
    },
    {
      id: 'divergence',
      header: t('compressions.divergence'),
      cell: (u) => (
        <Measured
          value={u.divergence}
          most={farthest}
          text={u.divergence === null ? DASH : small(u.divergence, format)}
        />
      ),
      sort: (u) => u.divergence,
      align: 'right',
    },
  ];
  return (
    <DataTable label={t('compressions.units')} columns={columns} rows={units} rowKey={(u) => u.node} step={STEP} />
  );
}
