import assert from 'node:assert/strict';
import type { Pipeline } from '../../src/agent/pipeline.ts';
import type { StateOwner } from '../../src/tail/sink.ts';
import { Stream } from '../../src/tail/stream.ts';

const STARTED = '1795465704913252313';

/** A log without files: a test gives its bytes to a pipeline, as the log's tail would. */
export class PipedLog implements StateOwner {
  readonly key: string;
  private readonly stream: Stream;
  private readonly pipeline: Pipeline;

  constructor(pipeline: Pipeline, sandbox: string, started = STARTED) {
    this.pipeline = pipeline;
    this.key = `${sandbox}/console`;
    this.stream = new Stream(started, pipeline.open({ sandbox, log: 'console', started }, null));
  }

  /** Whole lines, fewer than fill a batch. */
  write(text: string): void {
    const taken = this.stream.take(Buffer.from(text), 0, false, Date.now());
    assert.ok(!taken.isFull);
    this.pipeline.changed(this);
  }

  state(): object {
    return this.stream.state();
  }
}
