import type { TrainingPoint } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { seriesColors } from '../../app/theme.js';
import { Curves } from '../../charts/Curves.js';
import { useFormat } from '../../i18n/format.js';

interface Props {
  points: readonly TrainingPoint[];
}

const best = (points: readonly TrainingPoint[]): TrainingPoint | undefined =>
  points.reduce<TrainingPoint | undefined>((a, b) => (a && a.valAccuracy >= b.valAccuracy ? a : b), undefined);

export function LossCurves({ points }: Props): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const last = points.at(-1);
  return (
    <Curves
      title={t('trainings.lossByEpoch')}
      now={last && format.decimal(last.valLoss, 4)}
      summary={t('trainings.lossSummary', {
        epoch: last?.epoch ?? 0,
        train: format.decimal(last?.trainLoss, 4),
        val: format.decimal(last?.valLoss, 4),
      })}
      rows={points.map((point) => ({ x: point.epoch, train: point.trainLoss, val: point.valLoss }))}
      curves={[
        { name: 'train', label: t('trainings.onTrain'), color: seriesColors[0] },
        { name: 'val', label: t('trainings.onVal'), color: seriesColors[1] },
      ]}
      xLabel={(epoch) => format.int(epoch)}
      yLabel={(loss) => format.decimal(loss, 4)}
      from={0}
    />
  );
}

export function AccuracyCurves({ points }: Props): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const top = best(points);
  return (
    <Curves
      title={t('trainings.accuracyByEpoch')}
      now={top && t('trainings.best', { value: format.percent(top.valAccuracy, 2), epoch: top.epoch })}
      summary={t('trainings.accuracySummary', { value: format.percent(top?.valAccuracy, 2), epoch: top?.epoch ?? 0 })}
      rows={points.map((point) => ({ x: point.epoch, train: point.trainAccuracy, val: point.valAccuracy }))}
      curves={[
        { name: 'train', label: t('trainings.onTrain'), color: seriesColors[0] },
        { name: 'val', label: t('trainings.onVal'), color: seriesColors[1] },
      ]}
      xLabel={(epoch) => format.int(epoch)}
      yLabel={(accuracy) => format.percent(accuracy, 1)}
      to={1}
    />
  );
}

export function RateCurve({ points }: Props): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const last = points.at(-1);
  if (!last) return null;
  return (
    <div style={{ marginTop: 20 }}>
      <Curves
        title={t('trainings.rateByEpoch')}
        now={format.decimal(last.learningRate, 6)}
        summary={t('trainings.rateSummary', { rate: format.decimal(last.learningRate, 6) })}
        rows={points.map((point) => ({ x: point.epoch, rate: point.learningRate }))}
        curves={[{ name: 'rate', label: t('trainings.learningRate'), color: seriesColors[2] }]}
        xLabel={(epoch) => format.int(epoch)}
        yLabel={(rate) => format.decimal(rate, 6)}
        height={110}
        legend={false}
      />
    </div>
  );
}
