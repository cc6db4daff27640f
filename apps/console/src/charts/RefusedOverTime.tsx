import type { TelemetryPoint } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { seriesColors } from '../app/theme.js';
import { useFormat } from '../i18n/format.js';
import { Curves } from './Curves.js';
import { spanOf } from './RequestsOverTime.js';

interface Props {
  points: readonly TelemetryPoint[];
  height?: number;
}

/** Requests that were refused before the model saw them: the caller's errors and the load's. They do not judge the model. */
export function RefusedOverTime({ points, height = 180 }: Props): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const span = spanOf(points);
  const caller = points.reduce((sum, point) => sum + point.callerErrors, 0);
  const load = points.reduce((sum, point) => sum + point.loadErrors, 0);
  const rows = points.map((point) => ({ x: Date.parse(point.at), caller: point.callerErrors, load: point.loadErrors }));
  return (
    <Curves
      title={t('telemetry.refusedRequests')}
      now={format.int(caller + load)}
      summary={t('telemetry.refusedSummary', { caller: format.int(caller), load: format.int(load) })}
      rows={caller + load > 0 ? rows : []}
      curves={[
        { name: 'caller', label: t('telemetry.callerErrors'), color: seriesColors[3] },
        { name: 'load', label: t('telemetry.loadErrors'), color: seriesColors[4], dashed: true },
      ]}
      overTime
      xLabel={(x) => format.tick(x, span)}
      yLabel={format.compact}
      from={0}
      height={height}
    />
  );
}
