import { Alert, List, Stack, Text } from '@mantine/core';
import type { Compression, SearchReport, SearchRequest } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../../api/query.js';
import { Facts } from '../../components/Facts.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { isOpenJob } from '../../components/states.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { FrontChart, type Placed } from './FrontChart.js';
import { VariantTable } from './VariantTable.js';

/** What a search must keep to. */
export function SearchBounds({ search }: { search: SearchRequest }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { budget, seed } = search;
  return (
    <Panel title={t('compressions.search')}>
      <Facts
        items={[
          [t('compressions.maxDrop'), t('compressions.lossPoints', { points: format.decimal(budget.maxDropPoints) })],
          [t('compressions.maxBytes'), budget.maxBytes === undefined ? DASH : format.bytes(budget.maxBytes)],
          [t('compressions.maxLatency'), budget.maxLatencyMs === undefined ? DASH : format.ms(budget.maxLatencyMs)],
          [t('compressions.maxTime'), format.duration(budget.maxSeconds)],
          [t('trainings.seed'), format.decimal(seed)],
        ]}
      />
    </Panel>
  );
}

/** The search of a compression: its front while it is at work, and all that it tried when it is over. */
export function SearchResult({ compression }: { compression: Compression }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const { search, state, progress } = compression;
  const params = { project: slug, compression: compression.id };
  const over = !isOpenJob(state);
  const query = useRead('compressions.search', { params }, { enabled: search !== null && over });
  if (!search) return null;
  if (!over) {
    const soFar = progress?.search;
    if (!soFar) return null;
    const front = soFar.front.map((v): Placed => ({ ...v, verdict: 'front' }));
    return (
      <Panel title={t('compressions.front')} note={t('compressions.triedSoFar', { count: soFar.tried })}>
        <FrontChart variants={front} budget={search.budget} />
      </Panel>
    );
  }
  return <QueryView query={query}>{({ report }) => report && <Found report={report} />}</QueryView>;
}

function Found({ report }: { report: SearchReport }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { variants, budget, before, best, nearest, notes } = report;
  const placed = variants.flatMap(({ id, verdict, points, bytes }): Placed[] =>
    points === null || bytes === null ? [] : [{ id, verdict, points, bytes }],
  );
  const tried = variants.filter(({ verdict }) => verdict !== 'not-tried').length;
  const note = t('compressions.triedIn', { count: tried, time: format.duration(report.seconds) });
  return (
    <Stack gap="md">
      {best === null && (
        <Alert color="red" variant="outline" title={t('compressions.noneFits')}>
          {nearest !== null && t('compressions.nearest', { name: nearest })}
        </Alert>
      )}
      <Panel title={t('compressions.front')} note={note}>
        <Stack gap="xs">
          <FrontChart variants={placed} budget={budget} source={before.bytes} />
          {notes.length > 0 && (
            <List size="xs" c="dimmed">
              {notes.map((each) => (
                <List.Item key={each}>{each}</List.Item>
              ))}
            </List>
          )}
          {report.resumed > 0 && (
            <Text size="xs" c="dimmed">
              {t('compressions.resumed', { count: report.resumed })}
            </Text>
          )}
        </Stack>
      </Panel>
      <Panel title={t('compressions.tried')} flush>
        <VariantTable variants={variants} />
      </Panel>
    </Stack>
  );
}
