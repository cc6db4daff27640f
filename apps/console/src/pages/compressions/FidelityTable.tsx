import { Table, Text } from '@mantine/core';
import type { Fidelity } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { DASH, useFormat } from '../../i18n/format.js';
import classes from './report.module.css';

/** How near each output is to the source model's, which needs no labels. */
export function FidelityTable({ fidelity }: { fidelity: readonly Fidelity[] }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const small = (value: number | null): string =>
    value === null ? DASH : format.decimal(value, value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(value))));
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={t('compressions.likeness')}>
      <Table verticalSpacing={4} fz="xs" aria-label={t('compressions.likeness')}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{t('compressions.output')}</Table.Th>
            <Table.Th scope="col">{t('compressions.readAs')}</Table.Th>
            <Table.Th scope="col" ta="right">
              {t('compressions.agreement')}
            </Table.Th>
            <Table.Th scope="col" ta="right">
              {t('compressions.kl')}
            </Table.Th>
            <Table.Th scope="col" ta="right">
              SQNR
            </Table.Th>
            <Table.Th scope="col" ta="right">
              {t('compressions.largestDifference')}
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {fidelity.map((f) => (
            <Table.Tr key={f.output}>
              <Table.Th scope="row" fw={400}>
                {f.output}
              </Table.Th>
              {f.problem === null ? (
                <>
                  <Table.Td>{t(`compressions.reads.${f.reads}`)}</Table.Td>
                  <Table.Td ta="right">{format.percent(f.agreement, 2)}</Table.Td>
                  <Table.Td ta="right">{small(f.kl)}</Table.Td>
                  <Table.Td ta="right">{f.sqnrDb === null ? DASH : `${format.decimal(f.sqnrDb, 1)} dB`}</Table.Td>
                  <Table.Td ta="right">{small(f.maxAbsDifference)}</Table.Td>
                </>
              ) : (
                <Table.Td colSpan={5} className={classes.change} data-verdict="worse">
                  {f.problem}
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="xs" c="dimmed" mt={4} style={{ whiteSpace: 'normal' }}>
        {t('compressions.likenessNote')}
      </Text>
    </div>
  );
}
