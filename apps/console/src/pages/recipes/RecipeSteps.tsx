import { Group, List, Stack, Text } from '@mantine/core';
import type { Recipe } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../i18n/format.js';

type Pass = Recipe['passes'][number];

/** A recipe in words: its passes in order and the budget that the result must meet. */
export function RecipeSteps({ recipe }: { recipe: Recipe }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const { maxAccuracyDropPoints, maxLatencyRatio, maxSizeRatio } = recipe.budget;
  const likeness = likenessOf(recipe.budget);
  return (
    <Stack gap="sm">
      <List type="ordered" size="sm" spacing={6}>
        {recipe.passes.map((pass, index) => (
          <List.Item key={index}>
            <Text span size="sm" fw={500}>
              {t(`recipes.pass.${pass.pass}`)}
            </Text>
            <PassDetail pass={pass} />
          </List.Item>
        ))}
      </List>
      <Group gap="lg">
        <Text size="xs" c="dimmed">
          {t('recipes.maxDrop', { points: format.decimal(maxAccuracyDropPoints) })}
        </Text>
        <Text size="xs" c="dimmed">
          {t('recipes.maxLatency', { ratio: format.decimal(maxLatencyRatio) })}
        </Text>
        <Text size="xs" c="dimmed">
          {t('recipes.maxSize', { ratio: format.decimal(maxSizeRatio) })}
        </Text>
        {likeness.map(([name, value]) => (
          <Text key={name} size="xs" c="dimmed">
            {value === null
              ? t('recipes.noLimit', { name })
              : t(`recipes.${name}`, {
                  value: name === 'minAgreement' ? format.percent(value, 0) : format.decimal(value),
                })}
          </Text>
        ))}
      </Group>
    </Stack>
  );
}

const limits = ['maxErrorRatio', 'minAgreement', 'maxKl', 'minSqnrDb', 'maxAbsDifference'] as const;

/** What the recipe itself says of errors and likeness; null asks for none. */
const likenessOf = (budget: Recipe['budget']): [(typeof limits)[number], number | null][] =>
  limits.flatMap((name) => {
    const value = budget[name];
    return value === undefined ? [] : [[name, value] as [(typeof limits)[number], number | null]];
  });

function PassDetail({ pass }: { pass: Pass }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const text = ((): string => {
    switch (pass.pass) {
      case 'fold':
        return t('recipes.foldDetail');
      case 'codebook':
        return t('recipes.codebookDetail', { bits: pass.bits, scale: pass.scale });
      case 'quantize-aware':
        return t('recipes.quantizeAwareDetail', {
          weightBits: pass.weightBits,
          activationBits: pass.activationBits,
          epochs: pass.fineTune.epochs,
        });
      case 'decompose':
        return t('recipes.decomposeDetail', {
          convolution: pass.convolution,
          dense: pass.dense,
          by: pass.rank.by,
          epochs: pass.fineTune.epochs,
        });
      case 'distil':
        return t('recipes.distilDetail', {
          student:
            pass.student.from === 'narrower'
              ? t('recipes.studentNarrower', { width: format.percent(pass.student.width, 0) })
              : pass.student.from === 'onnx'
                ? pass.student.onnx
                : pass.student.architecture,
          epochs: pass.fineTune.epochs,
        });
      case 'prune-filters':
        return t('recipes.pruneDetail', {
          amount:
            pass.ratio !== undefined
              ? t('recipes.pruneRatio', { ratio: format.percent(pass.ratio, 0) })
              : pass.latency !== undefined
                ? t('recipes.pruneLatency', { share: format.percent(pass.latency, 0) })
                : t('recipes.pruneMacs', { share: format.percent(pass.macs ?? 1, 0) }),
          scope: t(`recipes.scope.${pass.scope}`),
          importance: t(`recipes.importance.${pass.importance}`),
          norm: pass.norm,
          rounds: pass.rounds,
          epochs: pass.fineTune.epochs,
        });
      case 'prune-weights':
        return t('recipes.pruneWeightsDetail', {
          ratio: format.percent(pass.ratio, 0),
          scope: t(`recipes.scope.${pass.scope}`),
          importance: t(`recipes.importance.${pass.importance}`),
          schedule: pass.schedule.by,
          epochs: pass.fineTune.epochs,
        });
      case 'float16':
        return t(`recipes.float16Detail.${pass.mode}`);
      case 'smooth':
        return t('recipes.smoothDetail', { alpha: pass.alpha, samples: format.int(pass.samples) });
      case 'quantize-dynamic':
        return t('recipes.quantizeDynamicDetail', { scale: pass.scale });
      case 'quantize-weights':
        return t('recipes.quantizeWeightsDetail', { bits: pass.bits, size: pass.blockSize });
      case 'quantize-static':
        return t(pass.precision === 'auto' ? 'recipes.quantizePartlyDetail' : 'recipes.quantizeDetail', {
          calibration: pass.calibration,
          samples: format.int(pass.samples),
        });
    }
  })();
  return (
    <Text size="xs" c="dimmed">
      {text}
    </Text>
  );
}
