import { Alert, Button, SimpleGrid, Stack } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { Training, TrainingPoint } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { stringify } from 'yaml';
import { useChange, useRead } from '../../api/query.js';
import { useTraining } from '../../api/work.js';
import { CodeView } from '../../components/CodeView.js';
import { Confirm } from '../../components/Confirm.js';
import { Digest } from '../../components/Digest.js';
import { Facts } from '../../components/Facts.js';
import { JobProgressBar } from '../../components/JobProgressBar.js';
import { JobStatePill } from '../../components/JobStatePill.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { Stat, Stats } from '../../components/Stat.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago, useNow } from '../../components/Time.js';
import { isOpenJob } from '../../components/states.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { trainingName } from './name.js';
import { TrainingParameters } from './TrainingParameters.js';
import { AccuracyCurves, LossCurves, RateCurve } from './TrainingCurves.js';

export function TrainingPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const back = { label: t('trainings.title'), to: to('/trainings') };
  const { training, points } = useTraining(slug, useParams()['training'] ?? '');
  return (
    <QueryView query={training} back={back}>
      {(data) => (
        <TrainingView training={data} last={points.data?.items.at(-1) ?? data.progress?.point ?? null}>
          <QueryView query={points} height={240}>
            {({ items }) => (
              <>
                <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
                  <LossCurves points={items} />
                  <AccuracyCurves points={items} />
                </SimpleGrid>
                <RateCurve points={items} />
              </>
            )}
          </QueryView>
        </TrainingView>
      )}
    </QueryView>
  );
}

interface ViewProps {
  training: Training;
  /** The newest epoch known. */
  last: TrainingPoint | null;
  children: ReactNode;
}

function TrainingView({ training, last, children }: ViewProps): ReactNode {
  const { t } = useTranslation();
  const { to, can } = useProject();
  const open = isOpenJob(training.state);
  return (
    <>
      <PageHeader
        title={trainingName(training)}
        crumbs={[{ label: t('trainings.title'), to: to('/trainings') }]}
        mark={<JobStatePill state={training.state} />}
        note={<Digest value={training.id} digits={36} />}
        actions={
          open ? (
            can('operator') && <CancelButton training={training} />
          ) : (
            <DeleteButton kind="training" id={training.id} name={trainingName(training)} back={to('/trainings')} />
          )
        }
      />
      <Stack gap="md">
        {training.error && (
          <Alert color="red" variant="outline" title={t('work.failed')}>
            {training.error}
          </Alert>
        )}
        {open && <JobProgressBar progress={training.progress} label={trainingName(training)} wide />}
        <TrainingStats training={training} point={last} />
        <Panel title={t('trainings.curves')} note={open ? t('trainings.live') : undefined}>
          {children}
        </Panel>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Stack gap="md">
            <TrainingFacts training={training} />
            {training.versionId && <TrainingParameters training={training} />}
          </Stack>
          <Panel title={t('trainings.config')}>
            <CodeView text={stringify(training.config)} label={t('trainings.config')} />
          </Panel>
        </SimpleGrid>
      </Stack>
    </>
  );
}

function TrainingStats({ training, point }: { training: Training; point: TrainingPoint | null }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const ran = training.startedAt
    ? ((training.finishedAt ? Date.parse(training.finishedAt) : now) - Date.parse(training.startedAt)) / 1000
    : null;
  return (
    <Stats label={t('trainings.numbers')}>
      <Stat
        label={t('measure.testAccuracy')}
        value={format.percent(training.test?.accuracy, 2)}
        note={training.test ? t('measure.samples', { count: training.test.samples }) : t('trainings.atTheEnd')}
        tone={training.test ? 'good' : undefined}
      />
      <Stat
        label={t('trainings.valAccuracy')}
        value={format.percent(point?.valAccuracy, 2)}
        note={t('trainings.lastEpoch')}
      />
      <Stat label={t('trainings.valLoss')} value={format.decimal(point?.valLoss, 4)} note={t('trainings.lastEpoch')} />
      <Stat
        label={t('trainings.epoch')}
        value={`${format.int(point?.epoch ?? null)} / ${format.int(training.config.epochs)}`}
        note={training.attempts > 1 ? t('work.attempt', { count: training.attempts }) : undefined}
      />
      <Stat
        label={t('work.time')}
        value={format.duration(ran)}
        note={training.startedAt ? undefined : t('state.job.queued')}
      />
    </Stats>
  );
}

function TrainingFacts({ training }: { training: Training }): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const { config, teacherVersionId, versionId } = training;
  const asked = { params: { project: slug, version: teacherVersionId ?? '' } };
  const teacher = useRead('versions.get', asked, { enabled: teacherVersionId !== null }).data;
  const distillation = config.distillation;
  return (
    <Panel title={t('trainings.about')}>
      <Facts
        items={[
          [
            t('trainings.result'),
            versionId ? (
              <TextLink key="version" to={to(`/versions/${versionId}`)} strong>
                {training.model} v{training.version}
              </TextLink>
            ) : (
              DASH
            ),
          ],
          [
            t('trainings.model'),
            <TextLink key="model" to={to(`/models/${training.model}`)}>
              {training.model}
            </TextLink>,
          ],
          [
            t('trainings.dataset'),
            <TextLink key="dataset" to={to(`/datasets/${training.dataset}`)}>
              {training.dataset}
            </TextLink>,
          ],
          [
            t('trainings.teacher'),
            teacherVersionId ? (
              <TextLink key="teacher" to={to(`/versions/${teacherVersionId}`)}>
                {teacher ? `${teacher.model} v${teacher.version}` : teacherVersionId.slice(-8)}
              </TextLink>
            ) : (
              t('trainings.noTeacher')
            ),
          ],
          ...(distillation
            ? [[t('trainings.distillation'), `T = ${distillation.temperature}, α = ${distillation.alpha}`] as const]
            : []),
          [t('work.by'), training.createdBy],
          [t('common.created'), <Ago key="created" at={training.createdAt} />],
          [t('work.started'), <Ago key="started" at={training.startedAt} />],
          [t('work.finished'), <Ago key="finished" at={training.finishedAt} />],
        ]}
      />
    </Panel>
  );
}

function CancelButton({ training }: { training: Training }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const [asking, ask] = useDisclosure();
  const cancel = useChange('trainings.cancel');
  return (
    <>
      <Button variant="default" onClick={ask.open} disabled={training.state === 'cancelling'}>
        {t('work.cancel')}
      </Button>
      <Confirm
        opened={asking}
        title={t('work.cancelTitle', { name: trainingName(training) })}
        verb={t('work.cancel')}
        danger
        busy={cancel.isPending}
        error={cancel.error}
        onClose={ask.close}
        onConfirm={() => cancel.mutate({ params: { project: slug, training: training.id } }, { onSuccess: ask.close })}
      >
        {t('trainings.cancelNote')}
      </Confirm>
    </>
  );
}
