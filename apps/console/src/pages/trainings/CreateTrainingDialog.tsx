import { Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { Slug, TrainingConfig } from '@verge/contracts';
import { useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useChange } from '../../api/query.js';
import { CodeEditor } from '../../components/CodeEditor.js';
import { FormDialog } from '../../components/FormDialog.js';
import { ListSelect } from '../../components/ListSelect.js';
import { parseDocument } from '../../components/parse-document.js';
import { useProject } from '../../session/project.js';
import { presetNames, presets, type PresetName } from './presets.js';
import { inBackground } from '../../inBackground.js';

export function CreateTrainingDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const navigate = useNavigate();
  const params = { project: slug };
  const create = useChange('trainings.create', ['models']);
  const [name, setName] = useState('');
  const [model, setModel] = useState('');
  const [dataset, setDataset] = useState<string | null>(null);
  const [teacher, setTeacher] = useState<string | null>(null);
  const [preset, setPreset] = useState<PresetName>('residual');
  const [text, setText] = useState<string>(presets.residual);
  const config = useMemo(() => parseDocument(text, TrainingConfig), [text]);
  const badModel = model !== '' && !Slug.safeParse(model).success;
  const choosePreset = (next: PresetName): void => {
    setPreset(next);
    setText(presets[next]);
  };
  const submit = (): void => {
    if (!config.ok || dataset === null) return;
    create.mutate(
      { params, body: { name, model, dataset, teacher, config: config.value } },
      { onSuccess: (training) => inBackground(navigate(to(`/trainings/${training.id}`))) },
    );
  };
  return (
    <FormDialog
      opened
      size="xl"
      onClose={onClose}
      title={t('trainings.create')}
      verb={t('trainings.start')}
      busy={create.isPending}
      error={create.error}
      disabled={!config.ok || dataset === null || model === '' || badModel}
      onSubmit={submit}
    >
      <Group grow align="flex-start">
        <TextInput
          label={t('trainings.model')}
          description={t('trainings.modelHint')}
          required
          data-autofocus
          value={model}
          error={badModel && t('common.slugExpected')}
          onChange={(event) => setModel(event.currentTarget.value.trim())}
        />
        <ListSelect
          list="datasets.list"
          label={t('trainings.dataset')}
          description={t('trainings.datasetHint')}
          required
          value={dataset}
          onChange={setDataset}
        />
      </Group>
      <Group grow align="flex-start">
        <TextInput
          label={t('trainings.name')}
          description={t('trainings.nameHint')}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <ListSelect
          list="versions.list"
          label={t('trainings.teacher')}
          description={t('trainings.teacherHint')}
          clearable
          value={teacher}
          onChange={(value) => {
            setTeacher(value);
            if (value) choosePreset('distilled');
          }}
        />
      </Group>
      <Stack gap={4}>
        <Text size="sm" fw={500} id="preset-label">
          {t('trainings.preset')}
        </Text>
        <SegmentedControl
          size="xs"
          aria-labelledby="preset-label"
          data={presetNames.map((value) => ({ value, label: t(`trainings.presets.${value}`) }))}
          value={preset}
          onChange={(value) => choosePreset(value as PresetName)}
        />
      </Stack>
      <CodeEditor
        label={t('trainings.config')}
        description={t('editor.hint')}
        value={text}
        onChange={setText}
        faults={config.faults}
        rows={16}
      />
    </FormDialog>
  );
}
