import { Alert, List, Stack, Table, Text, VisuallyHidden } from '@mantine/core';
import type { CompressionReport, Measurement, Quality } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import {
  comparedQuality,
  intervalText,
  metricName,
  qualityOf,
  qualityText,
  sameFigure,
} from '../../components/quality.js';
import { DASH, useFormat } from '../../i18n/format.js';
import classes from './report.module.css';

type Figure = 'bytes' | 'parameters' | 'macs' | 'p50Ms' | 'p95Ms' | 'peakRssBytes';
const figures: readonly Figure[] = ['bytes', 'parameters', 'macs', 'p50Ms', 'p95Ms', 'peakRssBytes'];
/** Changes smaller than this are neither better nor worse. */
const SAME = 0.005;

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
            {qualityOf(before).map((quality) => (
              <QualityRow
                key={`${quality.output} ${quality.task} ${quality.metric}`}
                before={quality}
                after={sameFigure(qualityOf(after), quality)}
              />
            ))}
            {figures.map((figure) => (
              <FigureRow key={figure} figure={figure} before={before} after={after} />
            ))}
          </Table.Tbody>
        </Table>
      </div>
      {qualityOf(before).some(({ interval }) => interval !== null) && (
        <Text size="xs" c="dimmed">
          {t('compressions.intervals')}
        </Text>
      )}
      {(after.notes ?? []).map((note) => (
        <Text key={note} size="xs" c="dimmed">
          {note}
        </Text>
      ))}
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
    if (figure === 'bytes' || figure === 'peakRssBytes') return format.bytes(value);
    if (figure === 'p50Ms' || figure === 'p95Ms') return format.ms(value);
    return format.compact(value);
  };
  const { change, verdict } = comparison(a, b);
  const words = format.change(change);
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
  change: number | null;
  verdict: 'better' | 'worse' | 'same';
}

/** Of all these less is better. */
function comparison(a: number | null, b: number | null): Comparison {
  if (a === null || b === null || a === 0) return { change: null, verdict: 'same' };
  const change = b / a - 1;
  return { change, verdict: Math.abs(change) < SAME ? 'same' : change < 0 ? 'better' : 'worse' };
}

/** A figure of quality with its interval of 95 %. */
function QualityCell({ quality, strong }: { quality: Quality; strong?: boolean }): ReactNode {
  const format = useFormat();
  const interval = intervalText(quality, format);
  return (
    <Table.Td ta="right" fw={strong ? 600 : undefined}>
      {qualityText(quality, format)}
      {interval !== null && (
        <Text size="xs" c="dimmed" fw={400}>
          {interval}
        </Text>
      )}
    </Table.Td>
  );
}

function QualityRow({ before, after }: { before: Quality; after: Quality | undefined }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const compared = after && comparedQuality(before, after, format);
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={400}>
        {metricName(before, t)}
      </Table.Th>
      <QualityCell quality={before} />
      {after ? <QualityCell quality={after} strong /> : <Table.Td ta="right">{t('measure.notMeasured')}</Table.Td>}
      <Table.Td ta="right" className={classes.change} data-verdict={compared?.verdict ?? 'worse'}>
        {compared?.words ?? DASH}
        <VisuallyHidden> {t(`compressions.${compared?.verdict ?? 'worse'}`)}</VisuallyHidden>
      </Table.Td>
    </Table.Tr>
  );
}
