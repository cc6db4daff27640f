import { Group, Stack } from '@mantine/core';
import { WorkerState, type Worker } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchBox } from '../../components/SearchBox.js';
import { StateFilter, statesOf } from '../../components/StateFilter.js';
import { StatePill } from '../../components/StatePill.js';
import { workerTones } from '../../components/states.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { workerCommand } from '../commands.js';

/** As often as a worker speaks. */
const REFRESH_MS = 10_000;

/** Who takes jobs from the queue. */
export function WorkersPage(): ReactNode {
  const { t } = useTranslation();
  const [get, set] = useAddressState();
  const order = useOrder(['lastSeenAt', 'startedAt', 'name'], '-lastSeenAt');
  const filters = { q: get('q') || undefined, state: statesOf(get('state'), WorkerState.options) };
  const workers = usePages(
    'workers.list',
    { query: { limit: 50, sort: order.sort, ...filters } },
    { every: REFRESH_MS, keep: true, untold: true },
  );
  const filtered = Object.values(filters).some((value) => value !== undefined);
  return (
    <>
      <PageHeader title={t('workers.title')} note={t('workers.note')} />
      <Group gap="xs" mb="sm">
        <SearchBox label={t('workers.search')} value={get('q')} onChange={(text) => set('q', text)} />
        <StateFilter
          states={WorkerState.options}
          label={(state) => t(`state.worker.${state}`)}
          value={get('state')}
          onChange={(value) => set('state', value)}
        />
      </Group>
      <Panel flush>
        <PagedTable
          label={t('workers.title')}
          columns={useColumns()}
          pages={workers}
          order={order}
          rowKey={(worker) => worker.id}
          empty={
            filtered ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState title={t('workers.empty')} hint={t('workers.emptyHint')} command={workerCommand} />
            )
          }
        />
      </Panel>
    </>
  );
}

function useColumns(): PagedColumn<Worker>[] {
  const { t } = useTranslation();
  const format = useFormat();
  return [
    { id: 'name', header: t('workers.name'), cell: (worker) => worker.name, sortBy: 'name' },
    {
      id: 'state',
      header: t('common.state'),
      cell: (worker) => <StatePill tone={workerTones[worker.state]}>{t(`state.worker.${worker.state}`)}</StatePill>,
    },
    { id: 'inHand', header: t('workers.inHand'), cell: (worker) => <InHand worker={worker} /> },
    { id: 'version', header: t('workers.version'), cell: (worker) => worker.version, from: 'md' },
    { id: 'engine', header: t('workers.engine'), cell: (worker) => worker.engineVersion, from: 'lg' },
    { id: 'host', header: t('workers.host'), cell: (worker) => `${worker.host} (${worker.platform})`, from: 'md' },
    { id: 'cores', header: t('workers.cores'), align: 'right', cell: (worker) => worker.cores, from: 'lg' },
    {
      id: 'memory',
      header: t('workers.memory'),
      align: 'right',
      cell: (worker) => format.bytes(worker.memoryBytes),
      from: 'lg',
    },
    {
      id: 'started',
      header: t('workers.started'),
      cell: (worker) => <Ago at={worker.startedAt} />,
      sortBy: 'startedAt',
      from: 'sm',
    },
    {
      id: 'lastSeen',
      header: t('workers.lastSeen'),
      cell: (worker) => <Ago at={worker.lastSeenAt} />,
      sortBy: 'lastSeenAt',
    },
  ];
}

function InHand({ worker }: { worker: Worker }): ReactNode {
  const { t } = useTranslation();
  const { running, runningElsewhere } = worker;
  if (worker.state !== 'online') return null;
  if (running.length + runningElsewhere === 0) return t('workers.nothing');
  return (
    <Stack gap={0}>
      {running.map((run) => (
        <Run key={`${run.job} ${run.kind}`} run={run} />
      ))}
      {runningElsewhere > 0 && <span>{t('workers.elsewhere', { count: runningElsewhere })}</span>}
    </Stack>
  );
}

const pages = {
  train: 'trainings',
  'train-shard': 'trainings',
  compress: 'compressions',
  evaluate: undefined,
} as const;

/** With the way to the page of what it works on, where that has one. */
function Run({ run }: { run: Worker['running'][number] }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const page = pages[run.kind];
  const text =
    run.project === slug ? t(`workers.kinds.${run.kind}`) : `${t(`workers.kinds.${run.kind}`)} (${run.project})`;
  if (!page) return <span>{text}</span>;
  return <TextLink to={`/p/${run.project}/${page}/${run.job}`}>{text}</TextLink>;
}
