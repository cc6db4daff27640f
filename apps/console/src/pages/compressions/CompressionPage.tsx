import { Alert, Button, SimpleGrid, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { Compression, Measurement } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useChange } from '../../api/query.js';
import { useCompression } from '../../api/work.js';
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
import { Ago } from '../../components/Time.js';
import { comparedQuality, metricName, qualityOf, qualityText, sameFigure } from '../../components/quality.js';
import { isOpenJob } from '../../components/states.js';
import { DASH, useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { RecipeSteps } from '../recipes/RecipeSteps.js';
import { FidelityTable } from './FidelityTable.js';
import { OfferedPill } from './OfferedPill.js';
import { PassTable } from './PassTable.js';
import { ReportTable } from './ReportTable.js';
import { SearchBounds, SearchResult } from './SearchPanels.js';
import { UnitTable } from './UnitTable.js';

export function CompressionPage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const back = { label: t('compressions.title'), to: to('/compressions') };
  const query = useCompression(slug, useParams()['compression'] ?? '');
  return (
    <QueryView query={query} back={back}>
      {(data) => <CompressionView compression={data} />}
    </QueryView>
  );
}

function CompressionView({ compression }: { compression: Compression }): ReactNode {
  const { t } = useTranslation();
  const { to, can } = useProject();
  const { report, recipe, search } = compression;
  const open = isOpenJob(compression.state);
  const how = recipe?.name ?? t('compressions.search');
  const name = `${how} · ${compression.target.name}`;
  const units = report?.passes.filter((pass) => (pass.units?.length ?? 0) > 0) ?? [];
  const about = (
    <>
      <CompressionFacts compression={compression} />
      {recipe && (
        <Panel title={t('compressions.recipe')} note={recipe.name}>
          <RecipeSteps recipe={recipe} />
        </Panel>
      )}
      {search && <SearchBounds search={search} />}
    </>
  );
  return (
    <>
      <PageHeader
        title={name}
        crumbs={[{ label: t('compressions.title'), to: to('/compressions') }]}
        mark={<JobStatePill state={compression.state} />}
        note={<Digest value={compression.id} digits={36} />}
        actions={
          open ? (
            can('operator') && <CancelButton compression={compression} />
          ) : (
            <DeleteButton kind="compression" id={compression.id} name={name} back={to('/compressions')} />
          )
        }
      />
      <Stack gap="md">
        {compression.error && (
          <Alert color="red" variant="outline" title={t('work.failed')}>
            {compression.error}
          </Alert>
        )}
        {open && <JobProgressBar progress={compression.progress} label={how} wide />}
        {open && compression.progress?.message && (
          <Text size="sm" c="dimmed">
            {compression.progress.message}
          </Text>
        )}
        {report && <Summary compression={compression} />}
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          {report ? (
            <>
              <Stack gap="md">
                <Panel title={t('compressions.report')}>
                  <ReportTable report={report} />
                </Panel>
                {report.after.fidelity && (
                  <Panel title={t('compressions.likeness')}>
                    <FidelityTable fidelity={report.after.fidelity} />
                  </Panel>
                )}
              </Stack>
              <Stack gap="md">{about}</Stack>
            </>
          ) : (
            about
          )}
        </SimpleGrid>
        <SearchResult compression={compression} />
        {report && (
          <Panel title={t('compressions.passes')} note={search ? report.recipe : undefined} flush>
            <PassTable passes={report.passes} />
          </Panel>
        )}
        {units.map((pass, i) => (
          <Panel key={i} title={t('compressions.units')} note={pass.pass} flush>
            <UnitTable units={pass.units ?? []} />
          </Panel>
        ))}
      </Stack>
    </>
  );
}

function Summary({ compression }: { compression: Compression }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { report } = compression;
  if (!report) return null;
  const { before, after } = report;
  const ratio = (a: number | null, b: number | null): number | null =>
    a !== null && b !== null && a > 0 ? b / a - 1 : null;
  return (
    <Stats label={t('compressions.numbers')}>
      <Stat
        label={t('compressions.verdict')}
        value={<OfferedPill offered={report.offered} />}
        note={compression.target.name}
      />
      <QualityStat before={before} after={after} />
      <Stat
        label={t('common.size')}
        value={format.bytes(after.bytes)}
        note={format.change(ratio(before.bytes, after.bytes))}
      />
      <Stat label="p50" value={format.ms(after.p50Ms)} note={format.change(ratio(before.p50Ms, after.p50Ms))} />
      <Stat
        label={t('measure.peakMemory')}
        value={format.bytes(after.peakRssBytes)}
        note={format.change(ratio(before.peakRssBytes, after.peakRssBytes))}
      />
    </Stats>
  );
}

/** The figure that the result is judged by: of what samples say is right, else how often it agrees with the source model. */
function QualityStat({ before, after }: { before: Measurement; after: Measurement }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const [source] = qualityOf(before);
  const result = source && sameFigure(qualityOf(after), source);
  if (source && result)
    return (
      <Stat
        label={metricName(source, t)}
        value={qualityText(result, format)}
        note={comparedQuality(source, result, format).words}
      />
    );
  const [first] = after.fidelity ?? [];
  if (!first) return <Stat label={t('measure.quality')} value={t('measure.notMeasured')} />;
  const agreement = first.agreement !== null;
  return (
    <Stat
      label={agreement ? t('compressions.agreement') : 'SQNR'}
      value={
        agreement
          ? format.percent(first.agreement, 2)
          : first.sqnrDb === null
            ? DASH
            : `${format.decimal(first.sqnrDb, 1)} dB`
      }
      note={t('compressions.noLabels')}
    />
  );
}

function CompressionFacts({ compression }: { compression: Compression }): ReactNode {
  const { t } = useTranslation();
  const { to } = useProject();
  const { target } = compression;
  return (
    <Panel title={t('compressions.about')}>
      <Facts
        items={[
          [
            t('compressions.version'),
            <TextLink key="version" to={to(`/versions/${compression.versionId}`)} strong>
              {compression.model} v{compression.version}
            </TextLink>,
          ],
          [
            t('compressions.target'),
            `${target.name} (${target.arch}, ${t('compressions.threads', { count: target.threads })}, ${target.int8Activation}${target.vnni ? ', VNNI' : ''})`,
          ],
          [
            t('compressions.artifact'),
            compression.artifactId ? <Digest key="artifact" value={compression.artifactId} digits={8} /> : DASH,
          ],
          [t('work.by'), compression.createdBy],
          [t('common.created'), <Ago key="created" at={compression.createdAt} />],
          [t('work.finished'), <Ago key="finished" at={compression.finishedAt} />],
        ]}
      />
    </Panel>
  );
}

function CancelButton({ compression }: { compression: Compression }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const [asking, ask] = useDisclosure();
  const cancel = useChange('compressions.cancel');
  return (
    <>
      <Button variant="default" onClick={ask.open} disabled={compression.state === 'cancelling'}>
        {t('work.cancel')}
      </Button>
      <Confirm
        opened={asking}
        title={t('work.cancelTitle', { name: compression.recipe?.name ?? t('compressions.search') })}
        verb={t('work.cancel')}
        danger
        busy={cancel.isPending}
        error={cancel.error}
        onClose={ask.close}
        onConfirm={() =>
          cancel.mutate({ params: { project: slug, compression: compression.id } }, { onSuccess: ask.close })
        }
      >
        {t('compressions.cancelNote')}
      </Confirm>
    </>
  );
}
