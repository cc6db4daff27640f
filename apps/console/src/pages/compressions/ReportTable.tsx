import { Alert, List, Stack, Table, Text, VisuallyHidden } from '@mantine/core';
import type { CompressionReport, Measurement } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../i18n/format.js';
import classes from './report.module.css';

type Figure = 'accuracy' | 'bytes' | 'parameters' | 'macs' | 'p50Ms' | 'p95Ms' | 'peakRssBytes';
const figures: readonly Figure[] = ['accuracy', 'bytes', 'parameters', 'macs', 'p50Ms', 'p95Ms', 'peakRssBytes'];
/** Changes smaller than this are neither better nor worse. */
const SAME = 0.005;
const SAME_ACCURACY = 0.0005;

/** A model before and after, measured in the same run, with what changed; and why it is not offered, if it is not. */
export function ReportTable({ report }: { report: CompressionReport }): ReactNode {
  const { t } = useTranslation();
  const { before, after } = report;
  return (
    <Stack gap="sm">
      <div className={classes.scroll} tabIndex={0} role="region" aria-label={t('compressions.report')}>
        <Table verticalSpacing={4} fz="xs" aria-label={t('compressions.report')}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">{t('compressions.figure')}</Table.Th>
              <Table.Th scope="col" ta="right">
                {t('compressions.before')}
              </Table.Th>
              <Table.Th scope="col" ta="right">
                {t('compressions.after')}
              </Table.Th>
              <Table.Th scope="col" ta="right">
                {t('compressions.change')}
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {figures.map((figure) => (
              <FigureRow key={figure} figure={figure} before={before} after={after} />
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <Text size="xs" c="dimmed">
        {t('compressions.measuredOn', {
          machine: after.machine,
          threads: after.threads,
          runs: after.runs,
          samples: after.samples,
        })}
      </Text>
      {report.reasons.length > 0 && (
        <Alert color="red" variant="outline" title={t('compressions.notOfferedBecause')}>
          <List size="sm">
            {report.reasons.map((reason) => (
              <List.Item key={reason}>{reason}</List.Item>
            ))}
          </List>
        </Alert>
      )}
    </Stack>
  );
}

interface FigureProps {
  figure: Figure;
  before: Measurement;
  after: Measurement;
}

function FigureRow({ figure, before, after }: FigureProps): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const a = before[figure];
  const b = after[figure];
  const show = (value: number | null): string => {
    if (figure === 'accuracy') return format.percent(value, 2);
    if (figure === 'bytes' || figure === 'peakRssBytes') return format.bytes(value);
    if (figure === 'p50Ms' || figure === 'p95Ms') return format.ms(value);
    return format.compact(value);
  };
  const { change, verdict } = comparison(figure, a, b);
  const words = figure === 'accuracy' ? format.points(change) : format.change(change);
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={400}>
        {t(`measure.${figure}`)}
      </Table.Th>
      <Table.Td ta="right">{show(a)}</Table.Td>
      <Table.Td ta="right" fw={600}>
        {show(b)}
      </Table.Td>
      <Table.Td ta="right" className={classes.change} data-verdict={verdict}>
        {words}
        <VisuallyHidden> {t(`compressions.${verdict}`)}</VisuallyHidden>
      </Table.Td>
    </Table.Tr>
  );
}

interface Comparison {
  /** A difference of fractions for accuracy, else a relative change. */
  change: number | null;
  verdict: 'better' | 'worse' | 'same';
}

/** Only accuracy is better when it grows. */
function comparison(figure: Figure, a: number | null, b: number | null): Comparison {
  if (a === null || b === null || (figure !== 'accuracy' && a === 0)) return { change: null, verdict: 'same' };
  const change = figure === 'accuracy' ? b - a : b / a - 1;
  const gain = figure === 'accuracy' ? change : -change;
  const same = figure === 'accuracy' ? SAME_ACCURACY : SAME;
  return { change, verdict: Math.abs(gain) < same ? 'same' : gain > 0 ? 'better' : 'worse' };
}
