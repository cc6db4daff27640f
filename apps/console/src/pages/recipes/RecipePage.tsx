import { SimpleGrid } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { stringify } from 'yaml';
import { useRead } from '../../api/query.js';
import { CodeView } from '../../components/CodeView.js';
import { DeleteButton } from '../../components/DeleteButton.js';
import { PageHeader } from '../../components/PageHeader.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { Ago } from '../../components/Time.js';
import { useProject } from '../../session/project.js';
import { RecipeSteps } from './RecipeSteps.js';

export function RecipePage(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const back = { label: t('recipes.title'), to: to('/recipes') };
  const recipe = useParams()['recipe'] ?? '';
  const query = useRead('recipes.get', { params: { project: slug, recipe } });
  return (
    <QueryView query={query} back={back}>
      {(data) => (
        <>
          <PageHeader
            title={data.name}
            crumbs={[{ label: t('recipes.title'), to: to('/recipes') }]}
            note={<Ago at={data.createdAt} />}
            actions={<DeleteButton kind="recipe" id={data.id} name={data.name} back={to('/recipes')} />}
          />
          <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
            <Panel title={t('recipes.passes')}>
              <RecipeSteps recipe={data.recipe} />
            </Panel>
            <Panel title="recipe.yaml">
              <CodeView text={stringify(data.recipe)} label="recipe.yaml" />
            </Panel>
          </SimpleGrid>
        </>
      )}
    </QueryView>
  );
}
