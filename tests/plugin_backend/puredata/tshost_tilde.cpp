// [tshost~ FILE METHOD BUFFER]: a TorchScript file as a Pure Data object, as nn~'s behaviour is described.
//
// Written for the tests from what nn~ does, not from its text: which names are read from a file, the block raised to
// the highest ratio, vectors collected to a block, the last value of a ratio taken, answers repeated. No threads.

#include <torch/script.h>

#include <m_pd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

static t_class *tshost_class;

struct Host {
    torch::jit::Module model;
    std::string method;
    int64_t channels_in = 0, ratio_in = 1, channels_out = 0, ratio_out = 1, block = 1, filled = 0;
    std::vector<std::vector<float>> waiting, ready;
    std::vector<float *> in, out;
    int vector_samples = 64;

    std::vector<int64_t> numbers(const std::string &name) {
        auto tensor = model.attr(name + "_params").toTensor().to(torch::kLong).contiguous();
        return {tensor.data_ptr<int64_t>(), tensor.data_ptr<int64_t>() + tensor.numel()};
    }

    void check_attributes() {  // every attribute is read, and set to what it is
        for (const auto &each : model.get_method("get_attributes")({}).toListRef()) {
            const auto &name = each.toStringRef();
            auto values = model.get_method("get_" + name)({});
            auto given = values.isTuple() ? values.toTupleRef().elements().vec() : values.toListRef().vec();
            TORCH_CHECK(given.size() == numbers(name).size(), name, " has another number of values");
            TORCH_CHECK(model.get_method("set_" + name)(given).toInt() == 0, "set_", name, " failed");
            post("tshost~ attribute %s", name.c_str());
        }
    }

    Host(const std::string &path, const std::string &wanted, int64_t least) : model(torch::jit::load(path)), method(wanted) {
        model.eval();
        block = std::max<int64_t>(least, 1);
        for (const auto &each : model.get_method("get_methods")({}).toListRef()) {
            auto own = numbers(each.toStringRef());
            block = std::max({block, own.at(1), own.at(3)});
        }
        auto own = numbers(method);
        channels_in = own.at(0), ratio_in = own.at(1), channels_out = own.at(2), ratio_out = own.at(3);
        waiting.assign(channels_in, std::vector<float>(block));
        ready.assign(channels_out, std::vector<float>(block));
        check_attributes();
        post("tshost~ %s %d %d %d %d block %d", method.c_str(), int(channels_in), int(ratio_in), int(channels_out),
             int(ratio_out), int(block));
    }

    void compute() {
        c10::InferenceMode guard;
        std::vector<torch::Tensor> signals;
        for (auto &each : waiting) signals.push_back(torch::from_blob(each.data(), {1, 1, block}));
        auto x = torch::cat(signals, 1).reshape({1, channels_in, -1, ratio_in}).select(-1, -1);
        auto y = model.get_method(method)({x}).toTensor().repeat_interleave(ratio_out);
        y = y.reshape({channels_out, block}).contiguous();
        for (int64_t c = 0; c < channels_out; ++c) {
            const float *from = y.data_ptr<float>() + c * block;
            ready[c].assign(from, from + block);
        }
    }

    void perform() {
        for (int64_t c = 0; c < channels_in; ++c) std::copy_n(in[c], vector_samples, waiting[c].begin() + filled);
        filled += vector_samples;
        if (filled == block) {
            compute();
            filled = 0;
        }
        for (int64_t c = 0; c < channels_out; ++c) std::copy_n(ready[c].begin() + filled, vector_samples, out[c]);
    }
};

struct t_tshost {
    t_object object;
    t_float unused;
    Host *host;
};

static t_int *tshost_perform(t_int *w) {
    reinterpret_cast<t_tshost *>(w[1])->host->perform();
    return w + 2;
}

static void tshost_dsp(t_tshost *self, t_signal **signals) {
    Host &host = *self->host;
    host.vector_samples = signals[0]->s_n;
    host.in.clear(), host.out.clear();
    for (int64_t c = 0; c < host.channels_in; ++c) host.in.push_back(signals[c]->s_vec);
    for (int64_t c = 0; c < host.channels_out; ++c) host.out.push_back(signals[host.channels_in + c]->s_vec);
    dsp_add(tshost_perform, 1, self);
}

static void *tshost_new(t_symbol *path, t_symbol *method, t_floatarg block) {
    auto *self = reinterpret_cast<t_tshost *>(pd_new(tshost_class));
    try {
        self->host = new Host(path->s_name, method->s_name, int64_t(block));
    } catch (const std::exception &problem) {
        pd_error(self, "tshost~: %s", problem.what());
        return nullptr;
    }
    for (int64_t c = 1; c < self->host->channels_in; ++c) inlet_new(&self->object, &self->object.ob_pd, &s_signal, &s_signal);
    for (int64_t c = 0; c < self->host->channels_out; ++c) outlet_new(&self->object, &s_signal);
    return self;
}

extern "C" void tshost_tilde_setup() {
    tshost_class = class_new(gensym("tshost~"), reinterpret_cast<t_newmethod>(tshost_new), nullptr, sizeof(t_tshost), 0,
                             A_SYMBOL, A_SYMBOL, A_DEFFLOAT, A_NULL);
    class_addmethod(tshost_class, reinterpret_cast<t_method>(tshost_dsp), gensym("dsp"), A_CANT, A_NULL);
    CLASS_MAINSIGNALIN(tshost_class, t_tshost, unused);
}
