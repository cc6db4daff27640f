import { Button, Group, Skeleton, Table, Text, UnstyledButton, type MantineBreakpoint } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { Pages } from '../api/query.js';
import classes from './DataTable.module.css';
import { ErrorState } from './ErrorState.js';
import { inBackground } from '../inBackground.js';
import { useFormat } from '../i18n/format.js';
import { useFailure } from './useFailure.js';
import type { Order } from './useOrder.js';

export interface Column<T> {
  id: string;
  header: string;
  cell: (row: T) => ReactNode;
  align?: 'right';
  /** Shown from this width of the window on. */
  from?: MantineBreakpoint;
  /** What the column sorts by, in a table that holds all its rows. */
  sort?: (row: T) => string | number | null | undefined;
  width?: number | string;
}

/** A column of a list that comes in pages: the server sorts, by a field of the list's route. */
export interface PagedColumn<T> extends Omit<Column<T>, 'sort'> {
  sort?: never;
  sortBy?: string;
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

/** Which column the rows are sorted by. */
interface ColumnOrder {
  id: string;
  down: boolean;
}

interface DataTableProps<T> extends TableProps<T> {
  /** How many rows are drawn at first, and with each request for more; all of them when absent. */
  step?: number;
}

/** A dense table of rows that are all there. Columns that say what they sort by get a button in their header. */
export function DataTable<T>({ step, ...props }: DataTableProps<T>): ReactNode {
  const { rows, columns } = props;
  const [shown, setShown] = useState(step ?? Infinity);
  const [order, setOrder] = useState<ColumnOrder | null>(null);
  const sorted = useMemo(() => inOrder(rows, columns, order), [rows, columns, order]);
  const sortable = columns.map((column) => ({ ...column, sortable: column.sort !== undefined }));
  const onOrder = (id: string): void => setOrder({ id, down: order?.id === id ? !order.down : true });
  const drawn = sorted.slice(0, shown);
  return (
    <>
      <RowTable {...props} columns={sortable} rows={drawn} order={order} onOrder={onOrder} />
      {step !== undefined && (
        <PageFoot
          pages={{
            items: drawn,
            total: sorted.length,
            hasMore: drawn.length < sorted.length,
            loadingMore: false,
            loadMore: () => setShown(shown + step),
          }}
        />
      )}
    </>
  );
}

interface ShownColumn<T> extends Omit<Column<T>, 'sort'> {
  sortable: boolean;
}

interface RowTableProps<T> extends Omit<TableProps<T>, 'columns'> {
  columns: readonly ShownColumn<T>[];
  order: ColumnOrder | null;
  onOrder: (id: string) => void;
}

function RowTable<T>({ label, columns, rows, rowKey, rowTo, order, onOrder }: RowTableProps<T>): ReactNode {
  const navigate = useNavigate();
  return (
    <div className={classes.scroll} role="region" aria-label={label} tabIndex={0}>
      <Table className={classes.table} aria-label={label} verticalSpacing={7} horizontalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <HeaderCell key={column.id} column={column} order={order} onOrder={onOrder} />
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
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
  column: ShownColumn<T>;
  order: ColumnOrder | null;
  onOrder: (id: string) => void;
}

function HeaderCell<T>({ column, order, onOrder }: HeaderProps<T>): ReactNode {
  const active = order?.id === column.id ? order : null;
  const Arrow = active?.down ? IconArrowDown : IconArrowUp;
  const sorted = active ? (active.down ? 'descending' : 'ascending') : undefined;
  return (
    <Table.Th scope="col" ta={column.align} w={column.width} visibleFrom={column.from} aria-sort={sorted}>
      {column.sortable ? (
        <UnstyledButton className={classes.sort} onClick={() => onOrder(column.id)}>
          {column.header}
          {active && <Arrow size={12} aria-hidden />}
        </UnstyledButton>
      ) : (
        column.header
      )}
    </Table.Th>
  );
}

function inOrder<T>(rows: readonly T[], columns: readonly Column<T>[], order: ColumnOrder | null): readonly T[] {
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

interface PagedProps<T> extends Omit<TableProps<T>, 'rows' | 'columns'> {
  columns: readonly PagedColumn<T>[];
  pages: Pages<T>;
  /** Without it, no column sorts. */
  order?: Order;
  empty: ReactNode;
}

/** A list of the API as a table, in its four states, with how many of its rows are shown. */
export function PagedTable<T>({ pages, empty, order, columns, ...table }: PagedProps<T>): ReactNode {
  const error = useFailure(pages.error);
  if (pages.isPending && !error) return <TableSkeleton />;
  if (pages.items.length === 0 && error && (pages.error || pages.isPending)) {
    return <ErrorState error={error} onRetry={pages.refetch} busy={pages.isPending && !pages.error} />;
  }
  if (pages.items.length === 0) return empty;
  const sorted = columns.find(({ sortBy }) => order && sortBy === order.sort.replace(/^-/, ''));
  const down = order?.sort.startsWith('-') ?? false;
  const onOrder = (id: string): void => {
    const field = columns.find((column) => column.id === id)?.sortBy;
    if (field) order?.set(sorted?.id === id && down ? field : `-${field}`);
  };
  return (
    <>
      <RowTable
        {...table}
        columns={columns.map((column) => ({ ...column, sortable: order !== undefined && column.sortBy !== undefined }))}
        rows={pages.items}
        order={sorted ? { id: sorted.id, down } : null}
        onOrder={onOrder}
      />
      <PageFoot pages={pages} />
    </>
  );
}

type Shown = Pick<Pages<unknown>, 'items' | 'total' | 'hasMore' | 'loadingMore' | 'loadMore'>;

/** How many of all rows are shown, and the way to more of them. */
export function PageFoot({ pages }: { pages: Shown }): ReactNode {
  const { t } = useTranslation();
  const { int } = useFormat();
  const { items, total, hasMore } = pages;
  return (
    <Group justify="space-between" className={classes.foot} data-total={total}>
      <Text fz="xs" c="dimmed" role="status">
        {hasMore
          ? t('common.shownOf', { shown: int(items.length), total: int(total) })
          : t('common.shownAll', { count: items.length })}
      </Text>
      {hasMore && (
        <Button variant="default" loading={pages.loadingMore} onClick={pages.loadMore}>
          {t('common.loadMore')}
        </Button>
      )}
    </Group>
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
