/** Matches functions by the beginning of their names, after any underscores. A `$` ends the name. */
const prefixes = (groups: readonly string[]): RegExp =>
  new RegExp(`^_*(?:${groups.join(' ').trim().split(/\s+/).join('|')})`);

/** Functions that many causes share, by purpose. The title names the first frame that is none of them. */
const shared = prefixes([
  // reports, and traps that lead to them
  `dump_ show_stack show_trace show_regs unwind walk_stackframe stack_trace stack_depot save_stack arch_stack print_ report_ warn_ warn$
   panic check_panic stack_chk_fail die oops fixup_bug handle_bug do_error do_trap do_invalid_op invalid_op do_general_protection general_protection
   do_page_fault do_user_addr handle_page_fault page_fault async_page_fault bad_area no_context exc_ asm_ error_entry handle_exception
   do_DataAbort do_PrefetchAbort do_undef do_translation_fault do_tag_ do_sea do_alignment do_mem_abort do_kernel_fault do_bad el1 brk_handler
   bug_handler call_break_hook do_debug do_int3 int3 do_divide divide_error double_fault do_double ret_from_exception ret_fast vector_ entry_
   irqentry \\w+_panic$ \\w+_abort$ fortify_ bust_spin assertfail assert_ suspicious kernelmode_fixup do_kern_addr arm64_notify bug_brk
   handle_break ex_handler cfi_ handle_cfi do_cfi native_(?:read|write)_msr bad_page nmi_ arch_trigger trigger_ watchdog_ lockup_ hung_task sysrq_
   df_debug`,
  // sanitizers, coverage, tracing
  `kasan asan kmsan msan kcsan tsan kfence ubsan hwasan sanitizer handle_overflow check_memory_region check_region check_poison memory_is
   metadata_ addr_has object_err slab_err slab_pad fail_dump should_fail fault_inject ftrace trace_ tracer_ perf_trace mcount write_comp_data
   check_kcov instrument_ traceiter_ bpf_trace_`,
  // thunks for calls and returns; the runtime of Rust
  'x86_indirect x86_return retpoline retbleed srso_ zen_ rust_ core:: _R rustc',
  // memory and strings
  `mem(?:cpy|set|move|cmp|chr|scan|dup|zero) str(?:n?cpy|n?cmp|n?cat|n?len|l?cpy|scpy|n?str|r?chr|n?casecmp|ncpy_from)
   (?:arch_|raw_|inline_)?copy_(?:to|from|user|page|mc) copyin copyout simple_copy_to iov_iter_copy copy_page_(?:to|from) clear_user csum_partial
   rep_(?:stos|movs) check_object_size
   check_heap_object check_copy usercopy get_user put_user hex_ sized_strscpy number$ string$ string_nocheck widen_string put_dec pointer$ va_format
   v?s[cn]*printf v?[cd]?printk dev_vprintk dev_printk dev_err dev_warn dev_info netdev_printk format_decode kstrto simple_strto skip_spaces`,
  // allocators, and the quarantine of the sanitizers
  `k[mvzc]*alloc krealloc kv?free kmem kmalloc slab_ slub_ new_slab do_kmalloc ksize check_slab prep_new_page check_new_page free_pcppages
   free_tail_page free_page_is_bad allocate_slab deactivate_slab cache_alloc cache_free cache_grow ___cache
   alloc_pages? get_page_from free_pages free_the_page free_unref free_large free_frozen v[mz]alloc vfree vmap vunmap dma_alloc page_frag
   pskb_expand kstrdup kmemdup memdup vmemdup quarantine qlink qlist radix_tree_node_alloc idr_get_free idr_alloc ida_ pcpu_
   alloc_percpu mempool devm_k create_object kmemleak folio_alloc alloc_frozen object_free put_cpu_partial discard_slab do_slab_free`,
  // locks
  `(?:raw_|queued_|native_queued_|do_raw_|rt_|ww_|local_|bit_|pv_queued_)*(?:spin|read|write|mutex|seq|rw|bit_spin)_?(?:un)?(?:try)?lock lock_acquire
   lock_release lock_is_held lock_downgrade lock_commit lockdep lockref register_lock check_prev check_noncircular check_usage check_irq check_flags
   check_wait mark_lock mark_held mark_usage find_held validate_chain valid_state debug_ look_up_lock assign_lock_key spin_bug spin_dump rwlock_bug
   seqcount cant_sleep mutex_ rwsem percpu_(?:down|up)_ down_(?:read|write|interr|killable|trylock|timeout) down$ up_read up_write up$ rcu_lock
   rcu_read rcu_is rcu_dynticks might_
   cant_migrate preempt_ check_preemption this_cpu_preempt smp_processor raw_write raw_read osq_ queued_spin pv_ native_safe nested_lock kvm_wait
   (?:task_|double_|raw_spin_)*rq_(?:un)?lock local_bh local_irq arch_local hardirqs softirqs sched_show schedule_bug schedule_debug`,
  // counters, lists, trees, bits, arithmetic
  `rhashtable_ rht_ phys_addr virt_to_ page_to_ folio_(?:unlock|put|get|end) unlock_page put_page get_page end_page kernel_fpu logic_(?:in|out)
   in[bwl]$ out[bwl]$
   read[bwlq]$ write[bwlq]$ refcount kref_ kobject_(?:get|put|add|init|del|cleanup|release|create|set|uevent) atomic arch_atomic raw_atomic
   percpu_counter percpu_ref
   (?:list|hlist|llist|klist|plist|rht)_ rb_ rbtree timerqueue_add bitmap_ find_(?:first|next|last)_\\w*bit
   (?:arch_|const_|constant_|variable_)?(?:test|set|clear|change)_(?:and_)?\\w*bit
   xas_ xa_ read_once write_once read_pnet cmpxchg xchg this_cpu list_lru_ roundup_pow rounddown_pow ilog2 div_`,
  // functions that fail because of their caller: network buffers, timers, work, waiting, reference counts
  `skb_(?:panic|over_panic|under_panic|put|push|pull) sock_wfree sock_wmalloc sk_(?:stop|reset)_timer del_timer try_to_del_timer
   timer_(?:delete|shutdown|fixup|is_static)
   lock_timer mod_timer hrtimer_(?:init|start|is_static|active) init_timer init_work queue_work queue_delayed mod_delayed insert_work work_is_static
   get_work flush_work flush_workqueue flush_delayed cancel_work cancel_delayed try_to_grab_pending destroy_workqueue drain_workqueue finish_wait
   prepare_to_wait
   add_wait wake_up(?!_new_task) wait_for_completion kthread_stop autoremove default_wake complete call_rcu call_srcu cleanup_srcu kvfree_call
   drop_nlink inc_nlink clear_nlink ihold
   iput dput fast_dput dget put_device get_device device_(?:del|unregister|add|register|create_file|remove_file)$ sysfs_
   proc_(?:create|register|mkdir|symlink) remove_files rollback_registered unregister_netdev ref_tracker
   create_files usb_(?:kill|poison|submit|free|start_wait|bulk_msg|control_msg|interrupt_msg) urb_destroy truncate_ find_lock_entries
   find_get_(?:pages|entries) pagevec_ kthread_should slow_ get_random`,
  // ciphers and checksums
  '\\w+_(?:en|de)crypt$ cipher_ skcipher_ crypto_ crc\\w+ sha\\d blake',
]);

export const isShared = (name: string): boolean => shared.test(name);

/** Shared functions that may still be the cause of a fault in them. */
const faulting = prefixes([
  'unwind(?!_backtrace) qlist qlink sysrq_ stack_ remove_wait page_ do_page object_',
]);
/** Like `isShared`, for the function at the instruction pointer: the fault itself is in it. */
export const isSharedAtFault = (name: string): boolean => shared.test(name) && !faulting.test(name);

const allocators = /alloc|pcpu_|percpu|create_object|kstrdup|kmemdup|memdup/;
/** Of a memory leak, functions that allocate are shared too. */
export const isAllocator = (name: string): boolean => allocators.test(name);

const sleepers = prefixes([
  `schedule io_schedule preempt_schedule wait_(?:for|on|woken|event|rcu|bit) wait$ swait do_wait bit_wait out_of_line_wait mutex_ rt_mutex rwsem rwbase
   down ldsem tty_ldisc_lock call_rwsem percpu_down percpu_rwsem kthread_stop flush_(?:work|workqueue|delayed) start_flush drain_workqueue
   cancel_(?:work|delayed)
   context_switch switch_to blk_execute_rq usleep msleep lock_page lock_folio folio_(?:wait|lock) ww_mutex synchronize_srcu cond_resched
   should_resched resched do_nanosleep hrtimer_nanosleep read_tsc rcu_barrier$ inode_dio_wait console_lock console_trylock`,
]);
/** Functions that every sleeping task is in. */
export const isSleeper = (name: string): boolean => sleepers.test(name);

/** Calls that dispatch to many functions, which name the cause better. */
const dispatched =
  `ioctl|read|write|readv|writev|preadv?2?|pwritev?2?|pread64|pwrite64|open|openat2?|open_execat|close|sendto|recvfrom|setsockopt|getsockopt|connect|bind|accept4?|
  splice|sendfile|sendfile64|mmap|mmap_pgoff|poll|select|fsync|fdatasync|iter_readv_writev|iter_write|iter_read|dentry_open|filp_open`.replace(
    /\s+/g,
    '',
  );

const boundaries = new RegExp(
  `^(?:${[
    // syscalls

    'do_syscall|do_fast_syscall|do_int80|do_SYSENTER|entry_|sysenter|tracesys|system_call|el0_|invoke_syscall|ret_fast_syscall|ret_from_|syscall_|do_el0|x64_sys_call|ia32_sys_call',
    // threads, work, interrupts, timers

    'process_one_work|process_scheduled_works|worker_thread|rescuer_thread|kthread$|kthread_worker_fn|irq_thread|io_wq_worker|io_worker_handle|vhost_task_fn|smpboot_thread|run_ksoftirqd|do_softirq|__do_softirq|handle_softirqs|tasklet_action|call_timer_fn|expire_timers|_*run_timer',

    '__run_hrtimer|task_work_run|do_exit|do_group_exit|get_signal|cpu_idle|do_idle|cpu_startup|start_secondary|secondary_start|rest_init|start_kernel|kernel_init|do_one_initcall|do_initcall_level|exit_to_user_mode|arch_do_signal|_*handle_irq',
    // packets, messages

    '_*netif_receive_skb|process_backlog|_*napi_poll|net_rx_action|sock_(?:sendmsg|recvmsg|write_iter|read_iter|setsockopt|getsockopt|common_setsockopt|common_getsockopt|do_ioctl|ioctl|close|release)',
    '__sock_(?:sendmsg|release)|____sys_|nfnetlink_rcv|rtnetlink_rcv',
    // files
    `(?:__x64_|__ia32_|__se_|__do_|__arm64_|compat_|SyS_|SYSC_|C_SYSC_|sys_|__sys_|do_|ksys_|vfs_|__vfs_|do_vfs_)*(?:sys_)?(?:${dispatched})$`,
    '\\w*compat_ioctl$|proc_reg_|full_proxy_|call_(?:read|write)_iter|new_sync_|do_loop_readv|do_iter_|_*__fput|path_openat',
  ].join('|')})`,
);
/** Functions that call the code that hangs: syscalls, workers, interrupts, timers, tables of operations. */
export const isBoundary = (name: string): boolean => boundaries.test(name);

const tick =
  /^(?:sched_show|show_|print_|dump_|_*rcu_|check_cpu|update_process|tick_|_*hrtimer_|_*(?:smp_|sysvec_|asm_sysvec_|asm_)?(?:reschedule|apic|local_apic|call_function)\w*(?:interrupt|timer)|_*irq_exit|irq_enter|trigger_|nmi_|arch_trigger|asm_|exc_|_*sysvec|common_interrupt|do_IRQ|ret_from_intr|watchdog_|lockup_|queued_spin|native_|perf_|arch_timer|gic_|generic_handle|handle_domain|do_irq|handle_riscv|riscv_(?:intc|timer)|do_interrupt_handler|call_on_|handle_percpu|_*el1|csd_lock|kcov|__sanitizer|_*pv_|kvm_wait|halt|default_idle|arch_local|arch_safe|restore_regs|retint|raw_irq|_*irq_svc|_*schedule|preempt_schedule)/;
/** Functions of the tick that detected the hang, on top of the trace. */
export const isTick = (name: string): boolean => tick.test(name);
