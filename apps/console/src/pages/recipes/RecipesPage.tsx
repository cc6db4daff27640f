import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { Recipe, type StoredRecipe } from '@verge/contracts';
import { useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useChange, usePages } from '../../api/query.js';
import { CodeEditor } from '../../components/CodeEditor.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { EmptyState } from '../../components/EmptyState.js';
import { FormDialog } from '../../components/FormDialog.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { SearchLine } from '../../components/SearchBox.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useAddressState } from '../../components/useAddressState.js';
import { useOrder } from '../../components/useOrder.js';
import { parseDocument } from '../../components/parse-document.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { inBackground } from '../../inBackground.js';

const EXAMPLE = `name: pruned-int8
passes:
  - pass: fold
  - pass: prune-filters
    ratio: 0.3
    fineTune:
      epochs: 5
  - pass: quantize-static
    calibration: min-max
    samples: 256
budget:
  maxAccuracyDropPoints: 1
  maxLatencyRatio: 1
  maxSizeRatio: 0.5
`;

export function RecipesPage(): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { slug, to, can } = useProject();
  const [get, set] = useAddressState();
  const order = useOrder(['createdAt', 'name'], '-createdAt');
  const q = get('q') || undefined;
  const query = { limit: 100, sort: order.sort, q };
  const recipes = usePages('recipes.list', { params: { project: slug }, query }, { keep: true });
  const [creating, create] = useDisclosure();
  const button = can('operator') && (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={create.open}>
      {t('recipes.create')}
    </Button>
  );
  const columns: PagedColumn<StoredRecipe>[] = [
    {
      id: 'name',
      header: t('recipes.name'),
      cell: (x) => (
        <TextLink to={to(`/recipes/${x.name}`)} strong>
          {x.name}
        </TextLink>
      ),
      sortBy: 'name',
    },
    {
      id: 'passes',
      header: t('recipes.passes'),
      cell: (x) => x.recipe.passes.map((pass) => t(`recipes.pass.${pass.pass}`)).join(' → '),
    },
    {
      id: 'drop',
      header: t('recipes.drop'),
      cell: (x) => format.decimal(x.recipe.budget.maxAccuracyDropPoints),
      align: 'right',
      from: 'sm',
    },
    {
      id: 'latency',
      header: t('recipes.latency'),
      cell: (x) => `${format.decimal(x.recipe.budget.maxLatencyRatio)}×`,
      align: 'right',
      from: 'sm',
    },
    {
      id: 'created',
      header: t('common.created'),
      cell: (x) => <Ago at={x.createdAt} />,
      sortBy: 'createdAt',
      from: 'sm',
    },
  ];
  return (
    <>
      <PageHeader title={t('recipes.title')} note={t('recipes.note')} actions={button} />
      <SearchLine label={t('recipes.search')} get={get} set={set} />
      <Panel flush>
        <PagedTable
          label={t('recipes.title')}
          columns={columns}
          pages={recipes}
          order={order}
          rowKey={(x) => x.id}
          rowTo={(x) => to(`/recipes/${x.name}`)}
          empty={
            q ? (
              <EmptyState title={t('common.nothingFits')} hint={t('common.nothingFitsHint')} />
            ) : (
              <EmptyState
                title={t('recipes.empty')}
                hint={t('recipes.emptyHint')}
                command="verge recipes add recipe.yaml"
                action={button}
              />
            )
          }
        />
      </Panel>
      {creating && <CreateRecipeDialog onClose={create.close} />}
    </>
  );
}

function CreateRecipeDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const navigate = useNavigate();
  const create = useChange('recipes.create');
  const [text, setText] = useState(EXAMPLE);
  const recipe = useMemo(() => parseDocument(text, Recipe), [text]);
  const submit = (): void => {
    if (!recipe.ok) return;
    create.mutate(
      { params: { project: slug }, body: recipe.value },
      { onSuccess: (made) => inBackground(navigate(to(`/recipes/${made.name}`))) },
    );
  };
  return (
    <FormDialog
      opened
      size="lg"
      onClose={onClose}
      title={t('recipes.create')}
      verb={t('recipes.store')}
      busy={create.isPending}
      error={create.error}
      disabled={!recipe.ok}
      onSubmit={submit}
    >
      <CodeEditor
        label={t('recipes.recipe')}
        description={t('editor.hint')}
        value={text}
        onChange={setText}
        faults={recipe.faults}
      />
    </FormDialog>
  );
}
