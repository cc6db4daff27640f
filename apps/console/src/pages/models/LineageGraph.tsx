import { Text } from '@mantine/core';
import type { Lineage } from '@verge/contracts';
import { useEffect, useId, useMemo, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useProject } from '../../session/project.js';
import { layoutOf, NODE, type Placed } from './lineage-layout.js';
import classes from './models.module.css';

type Node = Lineage['nodes'][number];
const LABEL = 19;

/** Ids may carry their kind in front of the resource's own id. */
const resourceId = (node: Node): string => node.id.slice(Math.max(0, node.id.lastIndexOf(':') + 1));

function addressOf(node: Node): string | null {
  const id = resourceId(node);
  switch (node.kind) {
    case 'dataset':
      return `/datasets/${id}`;
    case 'training':
      return `/trainings/${id}`;
    case 'version':
      return `/versions/${id}`;
    case 'compression':
      return `/compressions/${id}`;
    case 'release':
      return `/releases/${id}`;
    case 'rollout':
      return `/rollouts/${id}`;
    case 'artifact':
      return null;
  }
}

/** What a version was made from and what was made from it, left to right; each node leads to its page. */
export function LineageGraph({ lineage, here }: { lineage: Lineage; here: string }): ReactNode {
  const { t } = useTranslation();
  const layout = useMemo(() => layoutOf(lineage), [lineage]);
  const marker = useId();
  const frame = useRef<HTMLDivElement>(null);
  const start = layout.nodes.find((placed) => resourceId(placed.node) === here)?.x ?? 0;
  useEffect(() => {
    const box = frame.current;
    if (box) box.scrollLeft = start - (box.clientWidth - NODE.width) / 2;
  }, [start]);
  if (layout.nodes.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t('models.noLineage')}
      </Text>
    );
  }
  return (
    <div className={classes.scroll} ref={frame} tabIndex={0} role="region" aria-label={t('models.lineage')}>
      <svg
        className={classes.graph}
        width={layout.width}
        height={layout.height}
        role="group"
        aria-label={t('models.lineageSummary', { nodes: layout.nodes.length, edges: layout.edges.length })}
      >
        <defs>
          <marker id={marker} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path className={classes.arrow} d="M0 0 L8 4 L0 8 z" />
          </marker>
        </defs>
        {layout.edges.map(({ from, to, role }) => (
          <path
            key={`${from.node.id} ${to.node.id} ${role}`}
            className={classes.edge}
            d={curve(from, to)}
            markerEnd={`url(#${marker})`}
          >
            <title>{role}</title>
          </path>
        ))}
        {layout.nodes.map((placed) => (
          <GraphNode key={placed.node.id} placed={placed} here={resourceId(placed.node) === here} />
        ))}
      </svg>
    </div>
  );
}

function curve(from: Placed, to: Placed): string {
  const x1 = from.x + NODE.width;
  const y1 = from.y + NODE.height / 2;
  const x2 = to.x;
  const y2 = to.y + NODE.height / 2;
  const bend = Math.max(18, (x2 - x1) / 2);
  return `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function GraphNode({ placed, here }: { placed: Placed; here: boolean }): ReactNode {
  const { t } = useTranslation();
  const { to } = useProject();
  const { node, x, y } = placed;
  const kind = t(`lineage.${node.kind}`);
  const name = node.name.length > LABEL ? `${node.name.slice(0, LABEL - 1)}…` : node.name;
  const address = here ? null : addressOf(node);
  const body = (
    <>
      <rect className={classes.box} x={x} y={y} width={NODE.width} height={NODE.height} rx={5} />
      <text className={classes.kind} x={x + 11} y={y + 17}>
        {kind}
      </text>
      <text x={x + 11} y={y + 34} fontWeight={here ? 600 : 400}>
        {name}
      </text>
    </>
  );
  const label = `${kind}: ${node.name}`;
  return address ? (
    <Link to={to(address)} className={classes.node}>
      {body}
    </Link>
  ) : (
    <g
      className={classes.node}
      data-here={here || undefined}
      tabIndex={0}
      role="img"
      aria-label={label}
      aria-current={here || undefined}
    >
      {body}
    </g>
  );
}
