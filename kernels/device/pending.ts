/** Updates of tables' rows that are deferred until the rows are read. */

import type { Launch } from "./launch.ts";
import {
  isAsItLies,
  makeTable,
  makeTensor,
  offsetOf,
  partsOf,
  type Storage,
  storageIn,
  type Tensor,
} from "./tensor.ts";

/** Applies all that is deferred of a buffer. */
export function flushPending({ pending }: Storage): void {
  for (const updates of pending) updates.flush();
}

/** A view of all of a tensor or a table that is read as it lies: what is deferred of it stays so. */
export function asItLies(tensor: Tensor): Tensor {
  const views = partsOf(tensor).map((part) =>
    makeTensor(storageIn(part), part.shape, part.dtype, offsetOf(part), true)
  );
  const view = views.length === 1 ? views[0]! : makeTable(views, tensor.shape);
  if (tensor.shard) view.shard = tensor.shard;
  return view;
}

/** {@linkcode flushPending} before a tensor in one buffer is read, unless it is to be read as it lies. */
export function flushBeforeRead(tensor: Tensor): void {
  if (!isAsItLies(tensor)) flushPending(storageIn(tensor));
}

/** Brings what a launch reads up to date: of the tables that it reads by rows these rows, of others all. */
export function catchUp({ inputs, outputs, readsRows }: Launch): void {
  const { tables = [], ids } = readsRows ?? {};
  const isBehind = (tensor: Tensor) => storageIn(tensor).pending.size > 0;
  if (inputs.some(isBehind) || outputs.some(isBehind)) {
    const parts = tables.flatMap(partsOf), bound = [...inputs, ...outputs];
    for (const tensor of bound) {
      // What is bound twice may be read in another way, too.
      const byRows = parts.includes(tensor) && bound.indexOf(tensor) === bound.lastIndexOf(tensor);
      if (!byRows) flushPending(storageIn(tensor));
    }
  }
  if (ids) { for (const table of tables) catchUpRows(table, ids); }
}

/** Brings the rows `ids` of `table` up to date. */
export function catchUpRows(table: Tensor, ids: Tensor): void {
  const parts = partsOf(table);
  const pending = parts.length === 1
    ? storageIn(parts[0]!).pending
    : new Set(parts.flatMap((part) => [...storageIn(part).pending]));
  for (const updates of pending) updates.catchUp(table, ids);
}

/** Whether `view` begins with the first row of `table`, and its rows are those of the table. */
export function hasRowsOf(view: Tensor, table: Tensor): boolean {
  const [first, own] = [view, table].map((tensor) => partsOf(tensor)[0]!);
  const width = (tensor: Tensor) => tensor.size / tensor.shape[0]!;
  return storageIn(first!) === storageIn(own!) && offsetOf(first!) === offsetOf(own!) &&
    width(view) === width(table) && view.shape[0]! <= table.shape[0]!;
}
