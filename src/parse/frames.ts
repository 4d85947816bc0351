import { seeks } from './crash_rules.ts';

/** Functions that many causes share, by what they are for: the title names the first frame that is none of them. */
const helpers = new RegExp(
  `^_*(?:${[
    // reports, traps and what leads there
    'dump_stack|dump_backtrace|show_stack|show_trace|unwind_|print_|report_|warn_|warn$|panic|die|oops|bust_spin|fixup_bug|do_error|do_trap|',
    'do_invalid_op|invalid_op|do_general_pro|do_page_fault|do_user_addr|bad_area|no_context|page_fault|async_page_fault|exc_|asm_|error_entry|handle_bug|handle_exception|',
    'handle_page_fault|do_DataAbort|do_PrefetchAbort|do_undef|do_translation_fault|do_mem_abort|do_kernel_fault|do_bad|el1_|el1h_|brk_handler|bug_handler|call_break_hook|do_debug|do_int3|do_divide|divide_error|int3|general_protection|double_fault|check_panic|fortify_panic|ret_from_exception|vector_|entry_SYSCALL|',
    // sanitizers, coverage, tracing
    'kasan|asan|kmsan|msan|kcsan|tsan|kfence|ubsan|handle_overflow|sanitizer|check_memory_region|check_region|check_poison|object_err|slab_err|slab_pad|fault_inject|should_fail|fail_dump|ftrace|trace_|perf_trace|mcount|write_comp_data|check_kcov|instrument_|lkdtm_do_action|hwasan|',
    // strings and copies
    'mem(?:cpy|set|move|cmp|chr|scan|dup)|str(?:n?cpy|n?cmp|n?cat|n?len|l?cpy|scpy|n?str|n?chr|rchr|casecmp|ncasecmp)|(?:arch|raw|inline)?_?copy_(?:to|from|user|page)|copyin|copyout|memzero|clear_user|csum_partial|rep_(?:stos|movs)|',
    'check_object_size|check_heap_object|check_copy|usercopy|get_user|put_user|',
    // memory
    'k[mvzc]*alloc|krealloc|kv?free|kmem|kmalloc|slab_|slub_|cache_alloc|cache_free|alloc_pages?|allocate_slab|new_slab|get_page_from|free_pages|free_the_page|free_unref|vmalloc|vzalloc|vfree|vmap|dma_alloc|page_frag|alloc_skb|skb_unref_free|pskb_expand|kstrdup|kmemdup|memdup_user|vmemdup|quarantine|qlink|radix_tree_node_alloc|idr_get_free|idr_alloc|pcpu_alloc|alloc_percpu|mempool|devm_k|create_object|kmemleak|folio_alloc|',
    // locks
    '(?:raw_|queued_|native_queued_|do_raw_|rt_|ww_|local_)*(?:spin|read|write|mutex|seq|rw|bit_spin)_?(?:un)?(?:try)?lock|lock_acquire|lock_release|lock_is_held|lockdep|register_lock|check_prev|check_noncircular|check_usage|check_irq|mark_lock|mark_held|mark_usage|find_held|validate_chain|debug_check|debug_locks|debug_mutex|debug_spin|debug_object|debug_print|debug_lockdep|look_up_lock|assign_lock_key|spin_bug|spin_dump|rwlock_bug|valid_state|mutex_|rwsem_|down_(?:read|write|interr|killable|trylock)|down$|up_read|up_write|up$|rcu_lock|rcu_read|might_|cant_migrate|preempt_count|preempt_schedule|check_preemption|raw_write|raw_read|osq_lock|queued_spin|pv_queued|pv_wait|native_safe|nested_lock|',
    'might_sleep|might_resched|schedule_bug|schedule_debug|',
    // counters, lists, bits
    'refcount|kref_|kobject_(?:get|put|add|init|del|cleanup|release|create|set|uevent)|atomic|arch_atomic|raw_atomic|list_(?:add|del|move|splice|empty|replace|is_)|hlist_|llist_|rb_|rbtree|bitmap_|find_(?:first|next|last)_(?:zero_)?bit|(?:arch_|const_|constant_)?(?:test|set|clear|change)_(?:and_)?\\w*bit|test_bit|variable_test|read_once|write_once|READ_ONCE|WRITE_ONCE|read_pnet|cmpxchg|xchg|this_cpu|list_lru_|put_device|get_device|device_(?:del|unregister|add|register)$|',
    // timers and work that are destroyed
    'del_timer|try_to_del_timer|timer_(?:delete|shutdown|fixup)|hrtimer_(?:init|start)|mod_timer|queue_work|queue_delayed|flush_work|flush_workqueue|cancel_work|cancel_delayed|destroy_workqueue|drain_workqueue|',
    'x86_indirect|x86_return|retpoline|skb_panic|skb_over_panic|skb_under_panic|skb_put|skb_push|skb_pull|work_is_static|timer_is_static|hrtimer_is_static|finish_wait|prepare_to_wait|remove_wait|add_wait|wake_up|autoremove|default_wake|hex_|number|string|vs[cn]*printf|s[cn]*printf|pointer|format_decode|v?printk|klist_|complete|sysfs_(?:remove|create)|device_(?:create|remove)_file|kernfs_(?:remove|find)|usb_kill|usb_poison|usb_submit_urb|xas_|xa_|lock_timer|call_rcu|aes_|crypto_|crc\\w+$|crc32|sha\\d|assertfail|drop_nlink|inc_nlink|clear_nlink|ihold|iput$|dput|fast_dput|dget|cleanup_srcu|call_srcu|free_large|local_bh|do_tag_|do_sea|do_translation|do_alignment|walk_stackframe|stack_trace|stack_depot|save_stack|arch_stack|unwind|arch_trigger|trigger_|hung_task|this_cpu_preempt|debug_smp|smp_processor|percpu_counter|rcu_barrier_none|assert_|expect_|init_work|init_timer|cpu_stop_none|sock_wfree|sock_wmalloc|sk_mem|kthread_should|get_random|memory_is|metadata_|addr_has|find_get|slow_|ret_fast|no_op|strp_none|irqentry|kvfree|rust_|_R|core::|lockref_|bit_spin|',
    'vmx_handle_nmi|nmi_|irq_work|hardirqs|softirqs|tracer_|lockup_|watchdog_|sysrq_|write_sysrq|kernel_thread_none|rcu_dynticks|rcu_is_|suspicious|__warn',
  ].join('')})`,
);

/** What sleeps, whoever it is for. */
const sleepers =
  /^_*(?:schedule|io_schedule|preempt_schedule|wait_(?:for|on|woken|event)|do_wait|bit_wait|out_of_line_wait|wait_rcu|wait_bit|mutex_|rt_mutex|rwsem|rwbase|down|ldsem|tty_ldisc_lock|call_rwsem|percpu_down|percpu_rwsem|kthread_stop|flush_(?:work|workqueue|delayed)|drain_workqueue|cancel_(?:work|delayed)|context_switch|switch_to|blk_execute_rq|wait$|swait|usleep|msleep|schedule_timeout|lock_page|folio_(?:wait|lock)|lock_folio|ww_mutex|synchronize_srcu$|__synchronize_srcu|cond_resched|should_resched|resched|do_nanosleep|hrtimer_nanosleep|read_tsc)/;

/** Where the kernel hands work to the code that a hang is in: syscalls, workers, interrupts, timers, tables of operations. */
const boundaries =
  /^(?:do_syscall|do_fast_syscall|do_int80|entry_|sysenter|tracesys|system_call|el0_|invoke_syscall|ret_fast_syscall|ret_from_|syscall_|__sys_trace|sys_syscall|do_el0|x64_sys_call|ia32_sys_call|process_one_work|process_scheduled_works|worker_thread|kthread$|smpboot_thread|run_ksoftirqd|__?do_softirq|do_softirq|handle_softirqs|tasklet_action|call_timer_fn|expire_timers|__?run_timer|__run_hrtimer|__netif_receive|netif_receive|process_backlog|napi_poll|__napi_poll|net_rx_action|task_work_run|do_exit|do_group_exit|get_signal|cpu_idle|do_idle|cpu_startup|start_secondary|rest_init|start_kernel|kernel_init|handle_irq|__handle_irq|\w*compat_ioctl$|(?:__x64_|__ia32_|__se_|__do_|__arm64_|compat_|SyS_|SYSC_|C_SYSC_|sys_|__sys_|___sys_|do_|ksys_|vfs_|__vfs_|do_vfs_)*(?:sys_)?(?:ioctl|read|write|readv|writev|pread64|pwrite64|preadv2?|pwritev2?|open|openat2?|sys_open|sys_openat2?|close|sendmsg|sendmmsg_|sendto|recvmsg_|recvfrom|setsockopt|getsockopt|connect|bind|accept4?|splice|sendfile|mmap|poll|select|fsync|iter_readv_writev|iter_write|iter_read|dentry_open|filp_open)$|____sys_|sock_(?:sendmsg|write_iter|read_iter|recvmsg|setsockopt|getsockopt|common_setsockopt|do_ioctl|ioctl|close|release|sendmsg_nosec)|__sock_|inet_(?:sendmsg|recvmsg|ioctl|release)_|call_(?:read|write)_iter|new_sync_|do_loop_readv|do_iter_|nfnetlink_rcv|netlink_rcv_skb|rtnetlink_rcv|genl_|netlink_unicast|__fput|____fput|path_openat|secondary_start|smp_call_function_many_cond_|blk_mq_run)/;

/** The tick that found the hang, on top of it. */
const tick =
  /^(?:sched_show|show_regs|print_|rcu_|check_cpu|__rcu|dump_cpu|update_process|tick_|hrtimer_|__hrtimer|(?:__)?(?:smp_|sysvec_|asm_sysvec_|asm_)?(?:reschedule|apic|local_apic|call_function)\w*(?:interrupt|timer)|apic_timer|reschedule|irq_exit|__irq_exit|irq_enter|trigger_|nmi_|arch_trigger|asm_|exc_|sysvec|common_interrupt|do_IRQ|ret_from_intr|watchdog_|lockup_|queued_spin|native_|perf_|arch_timer|gic_|generic_handle|handle_domain|call_on_|handle_percpu|el1|dump_|show_|csd_lock|__read_once|kcov|__sanitizer|pv_|kvm_wait|halt|default_idle|arch_local|arch_safe|restore_regs|retint|raw_irq|rcu$)/;

const NAME = '([A-Za-z_$][\\w$.]*)';
/** ` f+0x1/0x2`, ` [<addr>] f+0x1/0x2`, `[<addr>] (f) from`, ` f from g+0x1/0x2`; a `?` says that it may be a remnant. */
const frames: readonly RegExp[] = [
  new RegExp(
    `^\\s*\\(?(?:\\[<?(?:0x)?[0-9a-f]{8,16}>?\\] ?){0,2}(\\? )?[.(]{0,2}${NAME}\\+0x[0-9a-f]+/0x[0-9a-f]+`,
  ),
  new RegExp(`^\\s*\\[<[0-9a-f]{8,16}>\\] (\\? )?\\(${NAME}\\) from \\[?`),
  new RegExp(`^\\s*()${NAME} from ${NAME}\\+0x`),
];
/** `RIP: 0010:f+0x1/0x2`, `EIP: f+`, `IP: [<addr>] f+`, `PC is at f+`, `pc : f+`, `epc : f+`, `NIP [addr] f+` */
const pointer = new RegExp(
  `^(?:RIP|EIP|IP|PC|pc|epc|NIP)(?: is at|\\s*:)?\\s*(?:[0-9a-f]{4}:)?\\s*(?:\\[?<?[0-9a-f]{8,16}>?\\]?\\s*){0,2}[.(]?${NAME}\\+0x`,
);
const place = new RegExp(`(?:\\bat:? |caller is )(?:\\[<[0-9a-f]+>\\] )?${NAME}\\+0x`);
const access = /^(Read|Write) (?:of size \d+ )?(?:at|by|of size)/;

/** The name without what a compiler adds, and that of a syscall without its wrapper. */
export function plainName(name: string): string {
  const dot = name.indexOf('.', 1);
  const whole = dot < 0 ? name : name.slice(0, dot);
  const short = whole.replace(
    /^(?:__x64_|__ia32_|__arm64_|__riscv_|__s390x?_|__se_|__do_|compat_|C_SYSC_|SyS_|SYSC_|ksys_)+/,
    '',
  );
  return short.replace(/^(smp_call_function|synchronize_rcu)_.*/, '$1');
}

export const isHelper = (name: string): boolean => helpers.test(name);

/** What a line below a headline brings; one object for the process. */
export const found = { function: '', access: '', candidate: '', isReset: false };

/** Looks into the line for what `wanted` needs. Fills `found`. */
export function seek(text: string, wanted: number, candidate: string): void {
  found.function = '';
  found.access = '';
  found.candidate = candidate;
  if ((wanted & seeks.access) !== 0) found.access = access.exec(text)?.[1] ?? '';
  if ((wanted & seeks.place) !== 0) {
    const name = place.exec(text)?.[1];
    if (name !== undefined && !isHelper(name)) found.function = name;
  }
  if ((wanted & seeks.pointer) !== 0) {
    const name = pointer.exec(text)?.[1];
    if (name !== undefined && !isHelper(name)) found.function = name;
  }
  if (found.function !== '') return;
  if ((wanted & seeks.outermost) !== 0) stalled(text);
  else if ((wanted & (seeks.frame | seeks.sleeper)) !== 0) {
    const name = frameOf(text);
    if (name === '' || isHelper(name) || ((wanted & seeks.sleeper) !== 0 && sleepers.test(name))) return;
    found.function = name;
  }
}

/** The function of a frame, or nothing; remnants on the stack are none. */
function frameOf(text: string): string {
  for (const form of frames) {
    const match = form.exec(text);
    if (match !== null) return match[1] ? '' : match[2]!;
  }
  return '';
}

function stalled(text: string): void {
  if (/^ ?(?:Call [Tt]race:|NMI backtrace|Backtrace:)|<\/IRQ>|<EOI>/.test(text)) {
    found.candidate = '';
    return;
  }
  const name = frameOf(text) || pointer.exec(text)?.[1] || '';
  if (name === '') return;
  if (name.startsWith('smp_call_function')) {
    found.function = name;
    return;
  }
  // The kernel's own thread, that waits for the one that hangs.
  if (/^rcu_\w*gp_kthread|^rcu_gp_fqs/.test(name)) {
    found.candidate = '';
    return;
  }
  if (boundaries.test(name)) {
    found.function = found.candidate;
    return;
  }
  if (tick.test(name)) return;
  found.candidate = name;
}
