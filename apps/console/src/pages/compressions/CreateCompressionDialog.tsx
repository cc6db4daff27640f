import { Checkbox, Group, NumberInput, SegmentedControl, Select, TextInput } from '@mantine/core';
import { Slug, type DeviceClass, type SearchBudget } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useChange, useRead } from '../../api/query.js';
import { FormDialog } from '../../components/FormDialog.js';
import { ListSelect } from '../../components/ListSelect.js';
import { TextLink } from '../../components/TextLink.js';
import { useProject } from '../../session/project.js';
import { inBackground } from '../../inBackground.js';
import { SearchFields, usualBudget } from './SearchFields.js';

interface Props {
  /** model@number when the version is known already. */
  version?: string;
  onClose: () => void;
}

/** ARM kernels run fastest on signed activations and have no VNNI. */
const forArch: Record<DeviceClass['arch'], Pick<DeviceClass, 'int8Activation' | 'vnni'>> = {
  x64: { int8Activation: 'uint8', vnni: true },
  arm64: { int8Activation: 'int8', vnni: false },
};

export function CreateCompressionDialog({ version: given, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const navigate = useNavigate();
  const params = { project: slug };
  const recipes = useRead('recipes.list', { params, query: { limit: 1 } });
  const create = useChange('compressions.create', ['artifacts', 'versions']);
  const [version, setVersion] = useState<string | null>(given ?? null);
  const [way, setWay] = useState<'recipe' | 'search'>('recipe');
  const [recipe, setRecipe] = useState<string | null>(null);
  const [budget, setBudget] = useState<SearchBudget>(usualBudget);
  const [dataset, setDataset] = useState<string | null>(null);
  const [target, setTarget] = useState<DeviceClass>({ name: '', arch: 'x64', threads: 1, ...forArch.x64 });
  const change = (part: Partial<DeviceClass>): void => setTarget((before) => ({ ...before, ...part }));
  const badName = target.name !== '' && !Slug.safeParse(target.name).success;
  const ready = way === 'search' || recipe !== null;
  const noRecipe = recipes.data?.total === 0;
  const submit = (): void => {
    if (version === null || !ready) return;
    const how = way === 'search' ? { search: { budget } } : { recipe: recipe! };
    create.mutate(
      { params, body: { version, ...how, target, ...(dataset ? { dataset } : {}) } },
      { onSuccess: (made) => inBackground(navigate(to(`/compressions/${made.id}`))) },
    );
  };
  return (
    <FormDialog
      opened
      size="lg"
      onClose={onClose}
      title={t('compressions.create')}
      verb={t('compressions.start')}
      busy={create.isPending}
      error={create.error}
      disabled={version === null || !ready || target.name === '' || badName}
      onSubmit={submit}
    >
      <SegmentedControl
        fullWidth
        aria-label={t('compressions.way')}
        value={way}
        onChange={(value) => setWay(value as typeof way)}
        data={[
          { value: 'recipe', label: t('compressions.byRecipe') },
          { value: 'search', label: t('compressions.bySearch') },
        ]}
      />
      <ListSelect
        list="versions.list"
        label={t('compressions.version')}
        required
        value={version}
        onChange={setVersion}
      />
      {way === 'recipe' ? (
        <ListSelect
          list="recipes.list"
          label={t('compressions.recipe')}
          required
          description={noRecipe ? <TextLink to={to('/recipes')}>{t('compressions.noRecipes')}</TextLink> : undefined}
          value={recipe}
          onChange={setRecipe}
        />
      ) : (
        <SearchFields budget={budget} onChange={setBudget} />
      )}
      <ListSelect
        list="datasets.list"
        label={t('compressions.dataset')}
        description={t('compressions.datasetHint')}
        clearable
        value={dataset}
        onChange={setDataset}
      />
      <TextInput
        label={t('compressions.target')}
        description={t('compressions.targetHint')}
        required
        placeholder="edge-small"
        value={target.name}
        error={badName && t('common.slugExpected')}
        onChange={(event) => change({ name: event.currentTarget.value.trim() })}
      />
      <Group grow align="flex-end">
        <Select
          label={t('compressions.arch')}
          allowDeselect={false}
          data={['x64', 'arm64']}
          value={target.arch}
          onChange={(arch) =>
            arch && change({ arch: arch as DeviceClass['arch'], ...forArch[arch as DeviceClass['arch']] })
          }
        />
        <NumberInput
          label={t('compressions.threadsLabel')}
          min={1}
          max={256}
          value={target.threads}
          onChange={(value) => change({ threads: Number(value) || 1 })}
        />
        <Select
          label={t('compressions.activation')}
          allowDeselect={false}
          data={['uint8', 'int8']}
          value={target.int8Activation}
          onChange={(value) => value && change({ int8Activation: value as DeviceClass['int8Activation'] })}
        />
      </Group>
      <Checkbox
        label={t('compressions.vnni')}
        checked={target.vnni}
        onChange={(event) => change({ vnni: event.currentTarget.checked })}
      />
    </FormDialog>
  );
}
