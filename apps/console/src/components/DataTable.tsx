import { Button, Group, Skeleton, Table, Text, UnstyledButton, type MantineBreakpoint } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { Pages } from '../api/query.js';
import classes from './DataTable.module.css';
import { ErrorState } from './ErrorState.js';
import { inBackground } from '../inBackground.js';

export interface Column<T> {
  id: string;
  header: string;
  cell: (row: T) => ReactNode;
  align?: 'right';
  /** Shown from this width of the window on. */
  from?: MantineBreakpoint;
  /** What the column sorts by; without it, it does not. */
  sort?: (row: T) => string | number | null | undefined;
  width?: number | string;
}

interface TableProps<T> {
  /** What the table shows, for assistive technology. */
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** Where a click on a row leads; its first cell holds the same link for the keyboard. */
  rowTo?: (row: T) => string;
}

interface Order {
  id: string;
  down: boolean;
}

/** A dense table. Columns that say what they sort by get a button in their header. */
export function DataTable<T>({ label, columns, rows, rowKey, rowTo }: TableProps<T>): ReactNode {
  const navigate = useNavigate();
  const [order, setOrder] = useState<Order | null>(null);
  const sorted = useMemo(() => inOrder(rows, columns, order), [rows, columns, order]);
  return (
    <div className={classes.scroll} role="region" aria-label={label} tabIndex={0}>
      <Table className={classes.table} aria-label={label} verticalSpacing={7} horizontalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <HeaderCell key={column.id} column={column} order={order} onOrder={setOrder} />
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {sorted.map((row) => (
            <Table.Tr
              key={rowKey(row)}
              className={rowTo ? classes.clickable : undefined}
              onClick={(event) => {
                if (!rowTo || isControl(event.target)) return;
                inBackground(navigate(rowTo(row)));
              }}
            >
              {columns.map((column) => (
                <Table.Td key={column.id} ta={column.align} visibleFrom={column.from}>
                  {column.cell(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

/** A click on a link, a button or a box in a row is theirs. */
const isControl = (target: EventTarget): boolean =>
  target instanceof Element && target.closest('a, button, input, label, [role="button"]') !== null;

interface HeaderProps<T> {
  column: Column<T>;
  order: Order | null;
  onOrder: (order: Order) => void;
}

function HeaderCell<T>({ column, order, onOrder }: HeaderProps<T>): ReactNode {
  const active = order?.id === column.id ? order : null;
  const Arrow = active?.down ? IconArrowDown : IconArrowUp;
  const sorted = active ? (active.down ? 'descending' : 'ascending') : undefined;
  return (
    <Table.Th scope="col" ta={column.align} w={column.width} visibleFrom={column.from} aria-sort={sorted}>
      {column.sort ? (
        <UnstyledButton
          className={classes.sort}
          onClick={() => onOrder({ id: column.id, down: active ? !active.down : true })}
        >
          {column.header}
          {active && <Arrow size={12} aria-hidden />}
        </UnstyledButton>
      ) : (
        column.header
      )}
    </Table.Th>
  );
}

function inOrder<T>(rows: readonly T[], columns: readonly Column<T>[], order: Order | null): readonly T[] {
  const by = order ? columns.find((column) => column.id === order.id)?.sort : undefined;
  if (!order || !by) return rows;
  const sign = order.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const x = by(a);
    const y = by(b);
    // What is unknown comes last either way.
    if (x === null || x === undefined) return y === null || y === undefined ? 0 : 1;
    if (y === null || y === undefined) return -1;
    return sign * (typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y)));
  });
}

interface PagedProps<T> extends Omit<TableProps<T>, 'rows'> {
  pages: Pages<T>;
  empty: ReactNode;
}

/** A list of the API as a table, in its four states. */
export function PagedTable<T>({ pages, empty, ...table }: PagedProps<T>): ReactNode {
  const { t } = useTranslation();
  if (pages.isPending && !pages.error) return <TableSkeleton />;
  if (pages.error && pages.items.length === 0) return <ErrorState error={pages.error} onRetry={pages.refetch} />;
  if (pages.items.length === 0) return empty;
  return (
    <>
      <DataTable {...table} rows={pages.items} />
      <Group justify="space-between" className={classes.foot}>
        <Text fz="xs" c="dimmed">
          {t(pages.hasMore ? 'common.shownOfMore' : 'common.shownAll', { count: pages.items.length })}
        </Text>
        {pages.hasMore && (
          <Button variant="default" loading={pages.loadingMore} onClick={pages.loadMore}>
            {t('common.loadMore')}
          </Button>
        )}
      </Group>
    </>
  );
}

export function TableSkeleton({ rows = 5 }: { rows?: number }): ReactNode {
  const { t } = useTranslation();
  return (
    <div role="status" aria-label={t('common.loading')} className={classes.skeleton}>
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} h={16} w={`${94 - ((i * 17) % 40)}%`} />
      ))}
    </div>
  );
}
