import { Button, Checkbox, Group } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChartLine, IconPlus } from '@tabler/icons-react';
import type { Training } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { JobProgressBar } from '../../components/JobProgressBar.js';
import { JobStatePill } from '../../components/JobStatePill.js';
import { JobStateFilter, jobStatesOf } from '../../components/JobStateFilter.js';
import { ListSelect } from '../../components/ListSelect.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchBox } from '../../components/SearchBox.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { isOpenJob } from '../../components/states.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { commands } from '../commands.js';
import { CreateTrainingDialog } from './CreateTrainingDialog.js';
import { trainingName } from './name.js';
import { inBackground } from '../../inBackground.js';

const REFRESH_MS = 5_000;
const COMPARED = 8;

export function TrainingsPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to, can } = useProject();
  const navigate = useNavigate();
  const [get, set] = useAddressState();
  const [creating, create] = useDisclosure();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const params = { project: slug };
  const order = useOrder(['createdAt', 'name', 'model', 'finishedAt'], '-createdAt');
  const q = get('q') || undefined;
  const state = jobStatesOf(get('state'));
  const model = get('model') || undefined;
  const trainings = usePages(
    'trainings.list',
    { params, query: { limit: 50, sort: order.sort, q, state, model } },
    { every: REFRESH_MS, keep: true },
  );
  const toggle = (id: string): void =>
    setChosen((before) =>
      before.includes(id) ? before.filter((each) => each !== id) : [...before, id].slice(-COMPARED),
    );
  const columns = useColumns(chosen, toggle);
  const createButton = can('operator') && (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={create.open}>
      {t('trainings.create')}
    </Button>
  );
  return (
    <>
      <PageHeader
        title={t('trainings.title')}
        actions={
          <>
            <Button
              variant="default"
              leftSection={<IconChartLine size={14} aria-hidden />}
              disabled={chosen.length < 2}
              onClick={() => inBackground(navigate(to(`/trainings/compare?ids=${chosen.join(',')}`)))}
            >
              {t('trainings.compareChosen', { count: chosen.length })}
            </Button>
            {createButton}
          </>
        }
      />
      <Group gap="xs" mb="sm">
        <SearchBox label={t('jobs.search')} value={get('q')} onChange={(text) => set('q', text)} />
        <JobStateFilter value={get('state')} onChange={(value) => set('state', value)} />
        <ListSelect
          list="models.list"
          size="xs"
          w={170}
          aria-label={t('trainings.model')}
          placeholder={t('trainings.model')}
          clearable
          value={get('model') || null}
          onChange={(value) => set('model', value)}
        />
      </Group>
      <Panel flush>
        <PagedTable
          label={t('trainings.title')}
          columns={columns}
          pages={trainings}
          order={order}
          rowKey={(training) => training.id}
          rowTo={(training) => to(`/trainings/${training.id}`)}
          empty={
            state || model || q ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState
                title={t('trainings.empty')}
                hint={t('trainings.emptyHint')}
                command={commands.train}
                action={createButton}
              />
            )
          }
        />
      </Panel>
      {creating && <CreateTrainingDialog onClose={create.close} />}
    </>
  );
}

function useColumns(chosen: readonly string[], toggle: (id: string) => void): PagedColumn<Training>[] {
  const { t } = useTranslation();
  const format = useFormat();
  const { to } = useProject();
  return [
    {
      id: 'compare',
      header: '',
      width: 34,
      cell: (training) => (
        <Checkbox
          size="xs"
          aria-label={t('trainings.compareOne', { name: trainingName(training) })}
          checked={chosen.includes(training.id)}
          onChange={() => toggle(training.id)}
        />
      ),
    },
    {
      id: 'name',
      header: t('trainings.name'),
      cell: (training) => (
        <TextLink to={to(`/trainings/${training.id}`)} strong>
          {trainingName(training)}
        </TextLink>
      ),
      sortBy: 'name',
    },
    { id: 'state', header: t('common.state'), cell: (x) => <JobStatePill state={x.state} /> },
    {
      id: 'progress',
      header: t('work.progress'),
      cell: (training) => <ProgressCell training={training} />,
      from: 'sm',
    },
    { id: 'model', header: t('trainings.model'), cell: (x) => x.model, sortBy: 'model', from: 'md' },
    {
      id: 'kind',
      header: t('trainings.kind'),
      cell: (x) => t(x.teacherVersionId ? 'trainings.distilled' : 'trainings.plain'),
      from: 'lg',
    },
    { id: 'dataset', header: t('trainings.dataset'), cell: (x) => x.dataset, from: 'lg' },
    {
      id: 'test',
      header: t('measure.testAccuracy'),
      cell: (x) => (x.test ? format.percent(x.test.accuracy, 2) : DASH),
      align: 'right',
    },
    {
      id: 'version',
      header: t('trainings.version'),
      cell: (x) => (x.versionId ? <TextLink to={to(`/versions/${x.versionId}`)}>v{x.version}</TextLink> : DASH),
      from: 'sm',
    },
    { id: 'created', header: t('common.created'), cell: (x) => <Ago at={x.createdAt} />, sortBy: 'createdAt' },
  ];
}

function ProgressCell({ training }: { training: Training }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  if (isOpenJob(training.state)) return <JobProgressBar progress={training.progress} label={trainingName(training)} />;
  if (!training.startedAt || !training.finishedAt) return DASH;
  return t('work.took', {
    time: format.duration((Date.parse(training.finishedAt) - Date.parse(training.startedAt)) / 1000),
  });
}
