/** Keys of config.json that have no effect on a forward pass. */

const words = (text: string): string[] => text.trim().split(/\s+/);

/** What transformers writes: attributes of its PreTrainedConfig and GenerationConfig, of this version and of older ones. */
export const OF_TRANSFORMERS: ReadonlySet<string> = new Set(
  words(`
  _name_or_path name_or_path _commit_hash auto_map transformers_version torch_dtype dtype model_type architectures
  _attn_implementation attn_implementation _attn_implementation_internal _attn_implementation_autoset _experts_implementation
  experts_implementation _experts_implementation_internal _flash_attn_2_enabled _output_attentions output_attentions output_hidden_states
  output_past return_dict return_dict_in_generate torchscript use_bfloat16 use_cache pruned_heads chunk_size_feed_forward tie_last_hidden_states
  is_encoder_decoder is_decoder cross_attention_hidden_size add_cross_attention tie_encoder_decoder is_bitnet_config is_llama_config
  finetuning_task id2label label2id num_labels problem_type task_specific_params tokenizer_class prefix tf_legacy_loss
  initializer_range pretraining_tp gradient_checkpointing attention_dropout quantization_config _pre_quantization_dtype
  base_model_tp_plan base_model_pp_plan base_model_ep_plan base_model_fsdp_plan loss_type
  bos_token_id eos_token_id pad_token_id sep_token_id unk_token_id decoder_start_token_id forced_bos_token_id forced_eos_token_id
  max_length min_length max_new_tokens min_new_tokens max_time stop_strings early_stopping do_sample num_beams num_beam_groups
  diversity_penalty penalty_alpha dola_layers temperature top_k top_p top_h min_p typical_p epsilon_cutoff eta_cutoff repetition_penalty
  encoder_repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids force_words_ids constraints
  renormalize_logits remove_invalid_values exponential_decay_length_penalty suppress_tokens begin_suppress_tokens sequence_bias
  token_healing guidance_scale low_memory watermarking_config num_return_sequences output_scores output_logits cache_implementation
  cache_config compile_config disable_compile prefill_chunk_size max_cache_len generation_config`),
);

/** Keys left by training scripts and tools, which transformers keeps and no model reads. */
const OF_TOOLS: ReadonlySet<string> = new Set(
  words(`
  accelerator_config adam_beta1 adam_beta2 adam_epsilon auto_find_batch_size average_tokens_across_devices batch_eval_metrics batch_size bf16
  bf16_full_eval data_seed debug deepspeed deepspeed_config disable_tqdm do_eval do_predict do_train epochs eval_accumulation_steps
  eval_batch_size eval_delay eval_do_concat_batches eval_on_start eval_steps eval_strategy evaluation_strategy fp16 fp16_full_eval
  fp16_opt_level fsdp fsdp_config full_determinism gradient_accumulation_steps gradient_checkpointing_kwargs gradient_clipping
  greater_is_better group_by_length half_precision_backend ignore_data_skip ignore_index include_for_metrics
  include_num_input_tokens_seen label_names label_smoothing label_smoothing_factor learning_rate length_column_name liger_kernel_config
  load_best_model_at_end local_rank log_level log_level_replica log_on_each_node logging_dir logging_first_step
  logging_nan_inf_filter logging_steps logging_strategy lr lr_scheduler_kwargs lr_scheduler_type max_grad_norm max_seq_len max_seq_length
  max_sequence_length max_steps metric_for_best_model micro_batch_size model_max_length neftune_noise_alpha num_epochs num_train_epochs optim
  optim_args optim_target_modules optimizer output_dir overwrite_output_dir parallelism_config per_device_eval_batch_size
  per_device_train_batch_size prediction_loss_only push_to_hub remove_unused_columns report_to resume_from_checkpoint run_name
  save_on_each_node save_only_model save_safetensors save_steps save_strategy save_total_limit seed seq_len seq_length sequence_length
  skip_memory_metrics tf32 torch_compile torch_compile_backend torch_compile_mode torch_empty_cache_steps train_batch_size
  train_sampling_strategy trainable use_cpu use_legacy_prediction_loop warmup_ratio warmup_steps weight_decay weight_decay_rate
  z_loss z_loss_weight aux_loss_coef use_flash_attn use_flashattn use_flash_attention use_flash_attention_2 flash_attention flash_attn
  use_sdpa use_sdp use_xformers use_memory_efficient_attention use_liger use_liger_kernel use_fused_rms_norm use_fused_rope
  use_fused_cross_entropy fused_cross_entropy fuse_cross_entropy fuse_norm fuse_swiglu fuse_linear_cross_entropy fused_rms_norm
  use_mamba_kernels use_fast_kernels use_triton model_name model_name_or_path base_model base_model_name base_model_name_or_path
  tokenizer_name tokenizer_name_or_path tokenizer_path tokenizer_file license tags author description comment notes version datasets
  dataset_name wandb_project wandb_run_id transformers.js_config neuron openvino_config onnx device device_map low_cpu_mem_usage
  trust_remote_code revision use_auth_token return_unused_kwargs initializer_cutoff_factor init_std init_method
  init_method_std $schema _comment max_window_layers
  bos_token eos_token unk_token pad_token sep_token cls_token mask_token vocab_file merges_file`),
);

const OF_TOOLS_BY_NAME: readonly RegExp[] = [
  /^_?unsloth_/,
  /^is_\w+_config$/,
  /^(adam|ddp|dataloader|wandb|hub|trackio|mergekit|axolotl|llamafactory|peft|trl|onnx|openvino|neuron)_/,
  /(^|_)(dropout|pdrop|drop_path|droppath|layerdrop)(_|$)/, // nothing is dropped outside of training
  /^_.*_(autoset|internal)$/,
];

export const isOfTools = (key: string): boolean =>
  OF_TOOLS.has(key) || OF_TOOLS_BY_NAME.some((pattern) => pattern.test(key));

/** Is this a value that sets nothing, such as null, false or an empty list? */
export function isUnset(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '') return true;
  return typeof value === 'object' && Object.keys(value as object).length === 0;
}

/** `layer_types` has no effect when all layers have full attention, as in a model without this key. */
export const isUsual = (key: string, value: unknown): boolean =>
  key === 'layer_types' && Array.isArray(value) && value.every((type) => type === 'full_attention');
