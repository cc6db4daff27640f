import { Text } from '@mantine/core';
import type { Training, TrainingReport } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../../api/query.js';
import { Facts } from '../../components/Facts.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';

/** Elements that moved, and all that could have; those of an adapter move in place of its weight's. */
function elementsOf({ parameters }: TrainingReport): { moved: number; all: number } {
  let [moved, all] = [0, 0];
  for (const { fate, elements, adapter } of parameters) {
    if (fate !== 'left-out') all += elements;
    moved += fate === 'moves' ? elements : (adapter?.elements ?? 0);
  }
  return { moved, all };
}

/** How much of a network moved, and what was mended and decided before it did. */
export function TrainingParameters({ training }: { training: Training }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const query = useRead('trainings.report', { params: { project: slug, training: training.id } });
  return (
    <Panel title={t('trainings.parameters')}>
      <QueryView query={query} height={80}>
        {({ report }) => (report ? <Figures report={report} /> : <Text size="sm">{DASH}</Text>)}
      </QueryView>
    </Panel>
  );
}

function Figures({ report }: { report: TrainingReport }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { moved, all } = elementsOf(report);
  const lines = (texts: readonly string[]): ReactNode =>
    texts.length === 0
      ? DASH
      : texts.map((text, index) => (
          <Text key={index} size="sm">
            {text}
          </Text>
        ));
  return (
    <Facts
      items={[
        [t('trainings.moved'), `${format.int(moved)} / ${format.int(all)}`],
        [t('trainings.repaired'), lines(report.repairs.map(({ message }) => message))],
        [t('trainings.assumed'), lines(report.assumed)],
      ]}
    />
  );
}
